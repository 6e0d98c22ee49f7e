"""An Airflow DAG of one night: ingest, check, reports. Airflow is installed by whoever uses it."""

from __future__ import annotations

import pendulum
from airflow import DAG
from airflow.operators.bash import BashOperator

PROJECT = "/srv/crmlib"
CRMLIB = f"cd {PROJECT} && {PROJECT}/.venv/bin/crmlib"

with DAG(
    "crmlib_nightly",
    schedule="30 3 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="Asia/Shanghai"),
    catchup=False,
    max_active_runs=1,
) as dag:
    ingest = BashOperator(
        task_id="ingest", bash_command=f"{CRMLIB} ingest all --sources params/sources.yml --lake .crmlib"
    )
    check = BashOperator(task_id="check", bash_command=f"{CRMLIB} check --lake .crmlib", trigger_rule="all_done")
    reports = BashOperator(task_id="reports", bash_command=f"{CRMLIB} schedule --lake .crmlib")
    whole = BashOperator(task_id="whole", bash_command="true")  # the run is red where any of them is
    ingest >> check >> reports >> whole
    ingest >> whole
