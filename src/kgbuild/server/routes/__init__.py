"""One module for each group of addresses; `app` lists them."""
