"""Files in which tools keep their figures. Asked before the work is done whose result goes there."""

import json
import os


def refusal(path, key):
    """Why figures cannot go there; None: nothing is there, an empty file, older figures (an object with that key), or what is no file, as a pipe."""
    try:
        if not os.path.exists(path):
            with open(path, "x", encoding="utf-8"):
                os.remove(path)
            return None
        with open(path, "a", encoding="utf-8"):
            pass
        if not os.path.isfile(path) or os.path.getsize(path) == 0:
            return None
        with open(path, encoding="utf-8") as file:
            older = json.load(file)
    except OSError as error:
        return f"{path}: {error.strerror}"
    except ValueError as error:
        return f"{path}: {error}; expected older figures, and anything else is not written over"
    if not isinstance(older, dict) or key not in older:
        return f"{path}: there is no '{key}' in it; expected older figures, and anything else is not written over"
    return None
