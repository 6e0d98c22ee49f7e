"""Channel: what people bought behind what was shipped, who is overstocked, which orders are late, whose goods stray."""
