"""DEF to GDS with KLayout's Python module, for engines that leave only a DEF."""

from __future__ import annotations

from pathlib import Path

import klayout.db as db

from asicflow.pdk.config import Library


def def_to_gds(source: Path, library: Library, target: Path) -> None:
    """Write the GDS of a placed and routed DEF, with the real cells of the library.

    Parameters
    ----------
    source : Path
        DEF; the design's name becomes the top cell.
    library : Library
        Gives LEF, cell layouts and the GDS layers of wires, pins and labels.
    target : Path
        GDS to write.
    """
    options = db.LoadLayoutOptions()
    config = options.lefdef_config
    config.dbu = 0.001
    config.read_lef_with_def = False
    config.lef_files = [str(library.tech_lef), *map(str, library.lefs)]
    config.macro_resolution_mode = 2  # cells come from the GDS, never from the LEF abstract
    config.macro_layout_files = [str(path) for path in library.gds]
    config.layer_map = _layer_map(library)
    config.create_other_layers = False
    config.cell_outline_layer = "OUTLINE"
    config.produce_blockages = config.produce_placement_blockages = False
    config.produce_obstructions = config.produce_regions = False
    options.lefdef_config = config
    layout = db.Layout()
    layout.read(str(source), options)
    save = db.SaveLayoutOptions()
    save.clear_cells()
    save.add_cell(max(layout.top_cells(), key=lambda cell: cell.child_cells()).cell_index())
    layout.write(str(target), save)


def _layer_map(library: Library) -> db.LayerMap:
    """Map ``metal``, ``metal.PIN`` and ``metal.LABEL`` to the process's GDS layers."""
    mapping = db.LayerMap()
    for name, entry in library.layers.items():
        for suffix, pair in (("", entry.drawing), (".PIN", entry.pin), (".LABEL", entry.label)):
            if pair is not None:
                mapping.map(f"{name}{suffix} : {pair[0]}/{pair[1]}")
    mapping.map(f"OUTLINE : {library.boundary[0]}/{library.boundary[1]}")
    return mapping
