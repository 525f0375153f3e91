"""The status page in a real browser, fed by real controllers whose stores were filled for the purpose."""
