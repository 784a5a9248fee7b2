"""Processes and cell libraries: ``pdk_configs/*.yaml`` as typed objects."""

from asicflow.pdk.config import Corner, Library, Pdk, load_pdk, missing_files, pdk_names

__all__ = ["Corner", "Library", "Pdk", "load_pdk", "missing_files", "pdk_names"]
