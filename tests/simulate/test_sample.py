"""The committed sample: small, reproducible from its recorded command, and like a food retailer."""

from __future__ import annotations

import hashlib
import re
import shlex
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from crmlib.core.calendar import festival_day
from crmlib.simulate import company


def digests(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "README.md")
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    return root / "data_samples"


def test_it_is_small(folder: Path) -> None:
    assert sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) <= 6_000_000


def test_its_recorded_command_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    command = re.search(r"crmlib simulate (.+)", (folder / "README.md").read_text(encoding="utf-8"))
    assert command is not None
    words = shlex.split(command.group(1))
    options = dict(zip(words[::2], words[1::2], strict=True))
    company(
        customers=int(options["--customers"]),
        stores=int(options["--stores"]),
        days=int(options["--days"]),
        seed=int(options["--seed"]),
        end=date.fromisoformat(options["--end"]),
        out=tmp_path,
    )
    assert digests(tmp_path) == digests(folder)


@pytest.fixture(scope="module")
def sold(folder: Path) -> pl.DataFrame:
    frames = [
        pl.read_csv(path, infer_schema=False).select(
            "会员卡号", "小票号", day=pl.col("交易时间").str.slice(0, 10).str.to_date(strict=False),
            product="商品编码", net=pl.col("实收金额").cast(pl.Float64), cost=pl.col("成本金额").cast(pl.Float64),
        ).filter(pl.col("day").is_not_null())
        for path in sorted(folder.glob("pos_store_2*.csv.gz"))
    ]  # fmt: skip
    return pl.concat(frames)


@pytest.mark.parametrize(("festival", "category"), [("spring_festival", "年货礼盒"), ("mid_autumn", "月饼礼盒")])
@pytest.mark.parametrize("year", [2025, 2026])
def test_gift_boxes_peak_before_the_lunar_date(
    festival: str, category: str, year: int, sold: pl.DataFrame, folder: Path
) -> None:
    goods = pl.read_excel(folder / "products.xlsx", columns=["商品编码", "中类"])
    boxes = goods.filter(pl.col("中类") == category)["商品编码"].to_list()
    day = festival_day(festival, year)
    near = sold.filter(pl.col("product").is_in(boxes), (pl.col("day") - day).dt.total_days().abs() <= 60)
    weeks = near.group_by(week=((pl.col("day") - day).dt.total_days()).floordiv(7)).agg(pl.col("net").sum())
    best = weeks.sort("net", descending=True)["week"][0]
    assert best in (-2, -1)
    before = near.filter((pl.col("day") - day).dt.total_days().is_between(-28, -1))
    assert before.height > 0.75 * near.height  # lines, since one group purchase can be a tenth of a season's value


def test_its_margin_and_member_share_are_those_of_a_food_retailer(sold: pl.DataFrame) -> None:
    costed = sold.filter(pl.col("cost").is_not_null())
    assert 0.30 < 1 - costed["cost"].sum() / costed["net"].sum() < 0.40
    assert 0.60 < sold.filter(pl.col("会员卡号").is_not_null())["net"].sum() / sold["net"].sum() < 0.75


def test_two_spring_festivals_and_two_mid_autumns_lie_inside(sold: pl.DataFrame) -> None:
    first, last = sold["day"].min(), sold["day"].max()
    for year in (2025, 2026):
        for festival in ("spring_festival", "mid_autumn"):
            day = festival_day(festival, year)
            assert first <= day - timedelta(days=28)
            assert day + timedelta(days=14) <= last


def test_a_cashiers_own_card_is_on_more_receipts_a_day_than_any_customers(sold: pl.DataFrame, folder: Path) -> None:
    roles = pl.read_parquet(folder / "truth" / "customers.parquet").select(会员卡号="customer_id", role="role")
    a_day = sold.join(roles, on="会员卡号").group_by("会员卡号", "role", "day").agg(n=pl.col("小票号").n_unique())
    busiest = dict(a_day.group_by("role").agg(pl.col("n").max()).iter_rows())
    assert busiest["cashier_card"] > 8
    assert max(n for role, n in busiest.items() if role != "cashier_card") <= 8
