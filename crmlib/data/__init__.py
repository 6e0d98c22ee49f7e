"""Where tables come from and live: sources, mapping, checks, the lake."""

from crmlib.data.ingest import ingest, ingest_all
from crmlib.data.lake.health import LakeReport, check_lake
from crmlib.data.lake.lake import Lake
from crmlib.data.own_frame import MappedFrame, map_frame
from crmlib.data.result import IngestResult

__all__ = ["IngestResult", "Lake", "LakeReport", "MappedFrame", "check_lake", "ingest", "ingest_all", "map_frame"]
