"""What belongs to one resident's own use of the pages: favourites, the same as last time."""
