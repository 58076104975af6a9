"""Labels that a manifest gives to folders and files: inherited, and told with each file."""

from __future__ import annotations

import pytest

from apps.connections.providers.file_share import manifest
from apps.connections.providers.file_share.manifest_error import ManifestInvalid
from tests.connections.folders import Share

MANIFEST = """
version: 1
folders:
  .: {labels: [files]}
  hr: {labels: [People, personal data], readers: [ada@x.example]}
  hr/pay: {labels: [salaries, People]}
files:
  hr/open.md: {labels: [leaflet]}
"""


def told(share: Share, access: str = "manifest") -> dict[str, tuple[str, ...]]:
    pages = share.connector(access).sweep(None)
    return {item.path: item.labels for page in pages for item in page.items}


def test_labels_of_folders_hold_for_all_below_and_files_add_their_own(share: Share) -> None:
    share.write("top.md", "hr/a.md", "hr/open.md", "hr/pay/b.md", "hrx/c.md")
    share.manifest(MANIFEST)
    assert told(share) == {
        "top.md": ("files",),
        "hr/a.md": ("files", "People", "personal data"),
        "hr/open.md": ("files", "People", "personal data", "leaflet"),
        "hr/pay/b.md": ("files", "People", "personal data", "salaries"),
        "hrx/c.md": ("files",),
    }


def test_labels_count_only_where_the_manifest_does(share: Share) -> None:
    share.write("hr/a.md")
    share.manifest(MANIFEST)
    assert told(share, "all_members") == {"hr/a.md": ()}


@pytest.mark.parametrize("labels", ["secret", "['']", "[1]", f"[{'x' * 101}]"])
def test_labels_that_are_none_close_the_manifest(labels: str) -> None:
    text = f"version: 1\nfolders:\n  hr: {{labels: {labels}}}\n"
    with pytest.raises(ManifestInvalid, match="line 3"):
        manifest.parse(text.encode())
