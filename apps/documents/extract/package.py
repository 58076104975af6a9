"""The parts of a package of Office or OpenDocument: XML files in a zip archive."""

# lxml has no types.
# mypy: disable-error-code="attr-defined,no-any-return"
from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from dataclasses import dataclass

from lxml import etree

from apps.documents.extract.author import writer
from apps.documents.extract.errors import Corrupt

# External entities and the network stay closed; libxml2's own limits on depth and size stay on.
_PARSER = etree.XMLParser(
    resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True
)
_BROKEN = (zipfile.BadZipFile, zlib.error, KeyError, EOFError, etree.XMLSyntaxError)


def name_of(element: etree._Element) -> str:
    """Return an element's name without its namespace, of which OOXML has two for everything."""
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def is_named(element: etree._Element, name: str) -> bool:
    """Say whether an element has a name, in whatever namespace."""
    return name_of(element) == name


def child(element: etree._Element | None, *path: str) -> etree._Element | None:
    """Return the first element at a path of names below an element."""
    for name in path:
        if element is None:
            return None
        element = next((each for each in element if is_named(each, name)), None)
    return element


def value(element: etree._Element | None, attribute: str = "val") -> str | None:
    """Return an attribute, whatever its namespace."""
    if element is None:
        return None
    for key, text in element.items():
        if key.rpartition("}")[2] == attribute:
            return text
    return None


def open_archive(content: bytes) -> zipfile.ZipFile:
    """Open the archive.

    Raises:
        Corrupt: it is no zip file.
    """
    try:
        return zipfile.ZipFile(io.BytesIO(content))
    except _BROKEN as error:
        raise Corrupt(detail=repr(error)) from error


@dataclass(frozen=True, slots=True)
class Relation:
    """What one part says of another.

    Args:
        kind: the last word of its type, such as `notesSlide`.
        target: the other part's path in the package.
    """

    kind: str
    target: str


@dataclass(slots=True)
class Parts:
    """A package's parts, read on demand."""

    archive: zipfile.ZipFile

    def part(self, path: str) -> etree._Element | None:
        """Return the root of a part, None if there is none or it is broken."""
        try:
            return etree.fromstring(self.archive.read(path), _PARSER)
        except (KeyError, etree.XMLSyntaxError):
            return None

    def required_part(self, path: str) -> etree._Element:
        """Return the root of a part.

        Raises:
            Corrupt: there is none, or it is broken.
        """
        try:
            return etree.fromstring(self.archive.read(path), _PARSER)
        except _BROKEN as error:
            raise Corrupt(detail=repr(error)) from error

    def relations(self, path: str) -> dict[str, Relation]:
        """Return what a part refers to inside the package, by the ids that it uses."""
        folder, name = posixpath.split(path)
        found: dict[str, Relation] = {}
        root = self.part(posixpath.join(folder, "_rels", f"{name}.rels"))
        for element in root if root is not None else ():
            target = value(element, "Target") or ""
            if value(element, "TargetMode") != "External" and target:
                absolute = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
                kind = (value(element, "Type") or "").rpartition("/")[2]
                found[value(element, "Id") or ""] = Relation(kind, absolute)
        return found

    def main_path(self, *, default: str) -> str:
        """Return the path of the part that is the document itself."""
        for relation in self.relations("").values():
            if relation.kind == "officeDocument":
                return relation.target
        return default

    @property
    def has_pictures(self) -> bool:
        """Say whether the file holds any picture."""
        folders = ("/media/", "Pictures/")
        return any(folder in path for path in self.archive.namelist() for folder in folders)

    @property
    def title(self) -> str | None:
        """Return the title among an Office file's properties."""
        found = child(self.part("docProps/core.xml"), "title")
        return found.text if found is not None else None

    @property
    def author(self) -> str:
        """Return who made the file, among an Office file's properties."""
        found = child(self.part("docProps/core.xml"), "creator")
        return writer(found.text if found is not None else None)
