"""Grafana's transformations of tables, those that the dashboards use: merge, organize, sortBy."""


def merged(frames):
    """One row for the labels that all frames have in common, with the other labels and `Value #REF` of each."""
    name = "Value" if len(frames) == 1 else "Value #{}"
    common = set.intersection(*({label for labels, _ in rows for label in labels} for _, rows in frames if rows)) if any(rows for _, rows in frames) else set()
    found = {}
    for ref, rows in frames:
        for labels, value in rows:
            key = tuple(labels.get(label) for label in sorted(common))
            found.setdefault(key, {}).update(labels | {name.format(ref): value})
    return list(found.values())


def table(panel, frames):
    """{columns, rows} as the panel shows them, None without any row."""
    rows = merged(frames)
    columns = list(dict.fromkeys(column for row in rows for column in row))
    order = []
    for step in panel["transformations"]:
        options = step["options"]
        if step["id"] == "organize":
            place = options.get("indexByName", {})
            columns = sorted((c for c in columns if not options["excludeByName"].get(c)), key=lambda c: place.get(c, len(place)))
            renamed = options.get("renameByName", {})
            rows = [{renamed.get(c, c): row.get(c) for c in columns} for row in rows]
            columns = [renamed.get(c, c) for c in columns]
        elif step["id"] == "sortBy":
            order = options["sort"]
        elif step["id"] != "merge":
            raise NotImplementedError(step["id"])
    for by in reversed(order):
        rows.sort(key=lambda row: (row.get(by["field"]) is not None, row.get(by["field"])), reverse=by["desc"])
    return {"columns": columns, "rows": [[row.get(c) for c in columns] for row in rows]} if rows else None
