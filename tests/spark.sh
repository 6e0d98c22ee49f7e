#!/usr/bin/env bash
# The engine tests against a real Spark (a JVM) on loopback: only where Java is; else it says so and ends well.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! java -version 2>/dev/null; then
  echo "no Java here: Spark Connect is tried with the server that needs none"
  exit 0
fi
test -x build/spark/bin/python || python3 -m venv build/spark
build/spark/bin/python -m pip install --quiet --disable-pip-version-check "pyspark>=4.0,<5"
SPARK_HOME=$(echo build/spark/lib/python3*/site-packages/pyspark)
export SPARK_HOME=$PWD/$SPARK_HOME SPARK_NO_DAEMONIZE=1 SPARK_LOCAL_IP=127.0.0.1 PYSPARK_PYTHON=$PWD/build/spark/bin/python
port=${CRMLIB_SPARK_PORT:-15099}
setsid bash "$SPARK_HOME/sbin/start-connect-server.sh" --master "local[2]" --driver-memory 1g --conf spark.ui.enabled=false \
  --conf "spark.connect.grpc.binding.address=127.0.0.1" --conf "spark.connect.grpc.binding.port=$port" \
  --conf spark.sql.shuffle.partitions=2 --conf spark.sql.warehouse.dir=/tmp/crmlib-spark >build/spark/log 2>&1 &
server=$!
trap 'kill -- -$server 2>/dev/null || true' EXIT
for _ in $(seq 90); do
  if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then break; fi
  sleep 1
done
CRMLIB_TEST_SPARK=sc://127.0.0.1:$port timeout 300 "${PYTEST_PYTHON:-.venv/bin/python}" -m pytest -q tests/panels/test_engines.py -k server
