"""From a file in the inbox to an archived document; `workflow.py` reads like the path of one scan."""
