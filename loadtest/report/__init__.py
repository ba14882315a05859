"""The report of a load: one HTML file that needs nothing else, made of load.json. It measures and judges nothing by itself."""
