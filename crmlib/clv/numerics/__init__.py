"""Special functions, quadrature and clocks that the lifetime models share."""
