"""Whether documents are valid: a checker is asked, its answer judged, and what is no answer never passes."""
