"""Receipt lines become the few reductions that models read; the only code that touches every line."""
