namespace tidemark {
int placeholder_protocol() {
    return 0;
}
}  // namespace tidemark
