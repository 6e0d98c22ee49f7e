"""What every page uses: findings, tables, columns, words, charts."""
