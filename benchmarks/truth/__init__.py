"""Reference rows of the project by question; `bench_truth.py` prints them all. A question adds a module with `ROWS`."""
