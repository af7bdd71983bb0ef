"""How good orders are, and how far scores agree: across precisions, engines, company and languages."""
