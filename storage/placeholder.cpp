namespace tidemark { int placeholder_storage() { return 0; } }
