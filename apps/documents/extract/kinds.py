"""Which format a file's name, or what its source says of it, stands for."""

from __future__ import annotations

_EXTENSIONS = {
    "csv": "csv tab tsv",
    "eml": "eml mht mhtml",
    "html": "htm html xhtml",
    "json": "geojson json jsonl jsonld ndjson",
    "markdown": "markdown md mdown mkd",
    "notebook": "ipynb",
    "plain": "adoc asciidoc log org rst srt text txt vtt",
    # Those with a grammar are named in `grammars.py`; the others are cut at their blank lines.
    "code": (
        "bash bat c cc cfg clj conf cpp cs css cxx dart env erl ex exs fs go gradle graphql groovy "
        "h hcl hh hpp hs hxx ini java jl js jsonc json5 jsx kt kts less lua mjs cjs mts cts ml nix "
        "php pl pm properties proto ps1 py pyi r rb rs sass sbt scala scss sh sql svelte swift tex "
        "tf toml ts tsx vb vue xml xsd xsl yaml yml zsh"
    ),
}
BY_EXTENSION = {"": "plain"} | {
    extension: name for name, listed in _EXTENSIONS.items() for extension in listed.split()
}
BY_MIME_TYPE = {
    "application/json": "json",
    "application/x-ipynb+json": "notebook",
    "application/x-ndjson": "json",
    "application/xhtml+xml": "html",
    "application/xml": "code",
    "application/yaml": "code",
    "message/rfc822": "eml",
    "text/csv": "csv",
    "text/html": "html",
    "text/markdown": "markdown",
    "text/plain": "plain",
    "text/tab-separated-values": "csv",
    "text/x-markdown": "markdown",
    "text/x-python": "code",
    "text/xml": "code",
}
# Names that promise a package: text inside one of these is a broken file, not a document.
_BINARY = "7z bz2 doc docm docx gz msg odp ods odt pdf ppsx pptm pptx rtf tar tgz xlsm xlsx xz zip"
BINARY_EXTENSIONS = frozenset(_BINARY.split())
# What a zip package holds, by the folder that only it has.
BY_PACKAGE_FOLDER = {"word/": "docx", "ppt/": "pptx", "xl/": "xlsx"}
# What an OLE file holds, by the stream that only it has.
BY_OLE_STREAM = {"worddocument": "doc", "__properties_version1.0": "msg"}
SAVE_AS_BY_OLE_STREAM = {"workbook": "XLSX", "book": "XLSX", "powerpoint document": "PPTX"}
