# SPDX-License-Identifier: GPL-2.0
"""A few million small objects of many kinds, half of them dropped again, and their checksum."""
import gc
import hashlib
import threading


def tree(depth, salt):
    """Nested tuples, of depth levels."""
    if depth == 0:
        return (salt, str(salt * 7919), float(salt))
    return (tree(depth - 1, salt * 2), [salt] * (salt % 5), tree(depth - 1, salt * 2 + 1))


def weight(node):
    """A number every object of a tree has a part in."""
    if len(node) == 3 and isinstance(node[0], tuple):
        return weight(node[0]) + len(node[1]) + weight(node[2])
    return node[0] + len(node[1])


def table(count):
    """A dict of strings and small dicts, with every third entry replaced and every fifth gone."""
    made = {f"key {i}": {"n": i, "text": "x" * (i % 90), "list": [i, i + 1]} for i in range(count)}
    for i in range(0, count, 3):
        made[f"key {i}"] = {"n": -i, "text": str(i) * 3, "list": []}
    for i in range(0, count, 5):
        del made[f"key {i}"]
    return made


def digest(made):
    """A checksum of a table."""
    total = hashlib.sha256()
    for key in sorted(made):
        entry = made[key]
        total.update(f"{key} {entry['n']} {entry['text']} {entry['list']}".encode())
    return total.hexdigest()


def growing(count):
    """Byte strings that grow by steps, so that they are reallocated across all sizes."""
    total = 0
    for i in range(count):
        data = bytearray()
        for _ in range(40):
            data += bytes([i & 255]) * 37
        total += sum(data) % 251
    return total


def main():
    """Everything once, then some of it in four threads at a time."""
    print("trees", sum(weight(tree(12, i)) for i in range(1, 25)))
    print("table", digest(table(150000)))
    print("growing", growing(4000))
    results = [None] * 4

    def work(i):
        results[i] = (weight(tree(11, i + 1)), digest(table(10000 + i)))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("threads", results)
    print("collected", gc.collect() >= 0)


main()
