"""Which rows a page may see: those up to its day, of its region, of the regions its reader has a right to.

Sales belong to the shop, members to their region: what a member of another region buys here is a sale without a card.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date

import polars as pl

from crmlib.core.contracts import By, Way, whose
from crmlib.core.errors import ContractError, LakeError

TELLS_REGIONS = frozenset(("code_scans",))
"""Tables of one's own partners whose rows name any region."""
ELSEWHERE = "\u2026"
"""What the name of another region is shown as."""
Find = Callable[[str], pl.LazyFrame | None]


def dated(table: pl.LazyFrame, *, as_of: date | None) -> pl.LazyFrame:
    """`table` without the rows after `as_of`: dated by ``day``, else by ``at``; undated tables are kept whole."""
    names = table.collect_schema()
    if as_of is not None and names.get("day") == pl.Date:
        return table.filter(pl.col("day") <= as_of)
    if as_of is not None and "at" in names:
        return table.filter(pl.col("at").dt.date() <= as_of)
    return table


def without_money(rules: str) -> str:
    """The rules of a batch with their rows only: whose the money was that was set aside, nobody can say."""
    return json.dumps([rule | {"net_minor": None} for rule in json.loads(rules)], ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Sight:
    """What a reader of some regions may see, table by table.

    Parameters
    ----------
    regions : the regions to keep; none means all, and every table is kept whole.
    find : a table of the lake by its name, whole; none if the lake does not have it.
    pseudonyms : what the ids of members are called on lists.
    """

    regions: tuple[str, ...] | None
    find: Find
    pseudonyms: Callable[[pl.Series], pl.Series] = lambda ids: ids

    def sees(self, name: str, table: pl.LazyFrame) -> bool:
        """Whether any row of the table can be shown: some tell nothing about whose their rows are."""
        return self.regions is None or whose(name, table.collect_schema().names()) != "nobody"

    def rows(self, name: str, table: pl.LazyFrame) -> pl.LazyFrame:
        """The rows of the table `name` that belong to the regions, or to nobody in particular.

        Raises
        ------
        ContractError, LakeError
            `report.no_regions` where shops are needed to tell, `report.not_by_region` for a table that cannot be cut.

        Examples
        --------
        >>> shops = pl.LazyFrame({"store_id": ["N1", "S1"], "region": ["north", "south"]})
        >>> lines = pl.LazyFrame({"store_id": ["N1", "S1", None]})
        >>> south = Sight(("south",), {"stores": shops}.get)
        >>> south.rows("receipt_lines", lines).collect()["store_id"].to_list()
        ['S1']
        """
        if self.regions is None:
            return table
        way = whose(name, table.collect_schema().names())
        if isinstance(way, By):
            kept = self._like_parent(table, way)
            return kept.with_columns(self._unnamed()) if name in TELLS_REGIONS else kept
        if way == "nobody":
            raise _not_by_region(name, self.regions)
        return self._cut(way)(table)

    def _cut(self, way: Way) -> Callable[[pl.LazyFrame], pl.LazyFrame]:
        own = list(self.regions or ())
        ways: dict[Way, Callable[[pl.LazyFrame], pl.LazyFrame]] = {
            "everybody": lambda table: table,
            "region": lambda table: table.filter(pl.col("region").is_in(own)),
            "store": self._of_shops,
            "customer": self._of_members,
            "named": self._named,
            "promotion": self._promotions,
            "site": self._sites,
            "party": self._of_parties,
            "unit": lambda table: table.filter(pl.col("unit_id").is_in([*own, *self.shops(), *self._staff()])),
        }
        return ways[way]

    def cells(self, table: pl.LazyFrame) -> pl.LazyFrame:
        """Stored sums of lines, cut as `rows` cuts lines: of own shops, other regions' members without a name."""
        if self.regions is None:
            return table
        kept = table.filter(pl.col("store_id").is_in(self.shops().implode()))
        return self._nameless(kept) if "customer_id" in kept.collect_schema().names() else kept

    def lines_of_members(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """All receipts of the regions' members, in whichever shop; which one is said of the regions' own shops only."""
        if self.regions is None:
            return lines
        own = pl.when(pl.col("store_id").is_in(self.shops().implode())).then("store_id").alias("store_id")
        return self._of_members(lines).with_columns(own)

    def shops(self) -> pl.Series:
        """Ids of the regions' shops."""
        stores = self.find("stores")
        if stores is None:
            asked = ", ".join(self.regions or ())
            raise ContractError("report.no_regions", values={"region": asked})
        return stores.filter(pl.col("region").is_in(list(self.regions or ()))).select("store_id").collect()["store_id"]

    def _staff(self) -> list[str]:
        """Ids of the people of the regions and of their shops; nobody where staff are not connected."""
        staff = self.find("staff")
        return [] if staff is None else self.rows("staff", staff).collect()["staff_id"].to_list()

    def members(self) -> pl.LazyFrame | None:
        """Ids of the regions' members; none where nobody can say whose they are."""
        customers = self.find("customers")
        if customers is None:
            return None
        return customers.filter(pl.col("region").is_in(list(self.regions or ()))).select("customer_id")

    def _of_shops(self, table: pl.LazyFrame) -> pl.LazyFrame:
        """Rows of the regions' shops, without other regions' members: what these bought is a sale to somebody."""
        kept = table.filter(pl.col("store_id").is_in(self.shops().implode()))
        names, customers = kept.collect_schema().names(), self.find("customers")
        if "customer_id" not in names or customers is None:
            return kept
        if "receipt_id" in names:
            return self._nameless(kept)
        return kept.join(self._strangers(customers), on="customer_id", how="anti", maintain_order="left")

    def _strangers(self, customers: pl.LazyFrame) -> pl.LazyFrame:
        """Ids of the members of other regions."""
        return customers.filter(~pl.col("region").is_in(list(self.regions or ()))).select("customer_id")

    def _nameless(self, kept: pl.LazyFrame) -> pl.LazyFrame:
        """The rows with other regions' members as nobody: what they bought here is a sale without a card."""
        customers = self.find("customers")
        if customers is None:
            return kept
        strangers = self._strangers(customers).with_columns(__stranger=True)
        known = kept.join(strangers, on="customer_id", how="left", maintain_order="left")
        own = pl.when(pl.col("__stranger").is_null()).then("customer_id").alias("customer_id")
        return known.with_columns(own).select(kept.collect_schema().names())

    def _of_members(self, table: pl.LazyFrame) -> pl.LazyFrame:
        members = self.members()
        if members is None:
            return table.filter(pl.lit(value=False))
        return table.join(members, on="customer_id", how="semi", maintain_order="left")

    def _of_parties(self, table: pl.LazyFrame) -> pl.LazyFrame:
        """Rows of the regions' partners, and of their members."""
        partners, members = self.find("partners"), self.members()
        own = pl.lit(value=False)
        if partners is not None:
            ids = self.rows("partners", partners).select("partner_id").collect()["partner_id"]
            own = own | pl.col("partner_id").is_in(ids.implode())
        if members is not None:
            own = own | pl.col("customer_id").is_in(members.collect()["customer_id"].implode())
        return table.filter(own.fill_null(value=False))

    def _like_parent(self, table: pl.LazyFrame, by: By) -> pl.LazyFrame:
        parent = self.find(by.table)
        if parent is None:
            return table.filter(pl.lit(value=False))
        ids = self.rows(by.table, parent).select(pl.col(by.on).alias(by.column)).unique()
        return table.join(ids, on=by.column, how="semi", maintain_order="left")

    def _unnamed(self) -> pl.Expr:
        """Regions of others without their names: that goods went elsewhere is told, not where."""
        own = pl.col("region").is_in(list(self.regions or ()))
        return pl.when(own | pl.col("region").is_null()).then("region").otherwise(pl.lit(ELSEWHERE)).alias("region")

    def _named(self, table: pl.LazyFrame) -> pl.LazyFrame:
        members = self.members()
        ids = pl.Series("customer_id", [], dtype=pl.String) if members is None else members.collect()["customer_id"]
        names = pl.concat([ids, self.pseudonyms(ids)]).implode()
        return table.filter(pl.col("customer").is_in(names))

    def _promotions(self, table: pl.LazyFrame) -> pl.LazyFrame:
        """Promotions of all shops, and those of the regions' shops, which alone are named."""
        everywhere = pl.col("stores").list.len() == 0
        own = pl.col("stores").list.set_intersection(self.shops().to_list())
        return table.filter(everywhere | (own.list.len() > 0)).with_columns(own.alias("stores"))

    def _sites(self, table: pl.LazyFrame) -> pl.LazyFrame:
        """Own shops by their region; other sites by their town, if the company's shops there are of one region."""
        stores, shops = self.find("stores"), self.shops()
        if stores is None:
            return table.filter(pl.lit(value=False))
        towns = stores.drop_nulls("city").group_by("city").agg(pl.col("region").unique())
        own = towns.filter(pl.col("region").list.eval(pl.element().is_in(list(self.regions or ()))).list.all())
        of_another = stores.select("store_id").collect()["store_id"]
        here = pl.col("site_id").is_in(shops.implode())
        nearby = pl.col("city").is_in(own.select("city").collect()["city"].implode())
        return table.filter(here | (nearby & ~pl.col("site_id").is_in(of_another.implode())))


def _not_by_region(name: str, regions: Collection[str]) -> LakeError:
    asked = ", ".join(regions)
    return LakeError("report.not_by_region", values={"table": name, "region": asked})
