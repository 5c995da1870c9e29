"""書かない窓口: visits, card reader, bundles."""
