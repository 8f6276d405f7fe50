"""The journal: events, their stored form, hash chain, segments, blobs, and the store on SQLAlchemy Core."""
