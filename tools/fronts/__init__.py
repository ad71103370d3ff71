"""Whether it opens everywhere: the notebooks and a live demo under other versions, recorded in FRONTENDS.md."""
