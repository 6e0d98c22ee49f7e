"""The first screen: what to do first, what comes, whether the data can be relied on."""
