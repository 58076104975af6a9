"""Folders of this machine: files shared through an audience or a manifest, `kenward.yaml`."""
