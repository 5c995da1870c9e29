"""書かない窓口: visits, card reader, bundles. Nothing is written by the visitor but the signature."""
