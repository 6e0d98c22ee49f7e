"""Does winning back work: lists with control groups, cells, uplift."""
