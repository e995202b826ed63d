"""One module and one declaration for each kind of table that is no layer: rain, weather, tracks, people, roads."""
