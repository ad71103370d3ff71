def record(folder):
    return {}
