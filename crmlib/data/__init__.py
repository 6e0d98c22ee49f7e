"""Where tables come from and live: sources, mapping, checks, the lake."""

from crmlib.data.ingest import ingest, ingest_all
from crmlib.data.lake import Lake
from crmlib.data.result import TERMS, IngestResult

__all__ = ["TERMS", "IngestResult", "Lake", "ingest", "ingest_all"]
