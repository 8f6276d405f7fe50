"""Storage containers against Python's own, with any sequence of operations (sdk.md sections 2.5, 2.6)."""

import pytest
from genlayer.py.storage import DynArray, TreeMap, copy_to_memory, inmem_allocate
from genlayer.py.types import u8, u16, u32
from hypothesis import given, settings
from hypothesis import strategies as st

ITEMS = st.integers(0, 2**16 - 1)
TEXTS = st.text(max_size=3)
KINDS = {"plain": (u16, ITEMS), "payload": (str, TEXTS)}

INDEX = st.integers(-6, 6)
BOUND = st.none() | INDEX
STEP = st.sampled_from([None, 1, 1, 2, 3, -1, -2])
SLICE = st.builds(slice, BOUND, BOUND, STEP)


def array_operations(items):
    return st.lists(
        st.one_of(
            st.tuples(st.just("append"), items),
            st.tuples(st.just("extend"), st.lists(items, max_size=5)),
            st.tuples(st.just("insert"), INDEX, items),
            st.tuples(st.just("__setitem__"), INDEX, items),
            st.tuples(st.just("__setitem__"), SLICE, st.lists(items, max_size=5)),
            st.tuples(st.just("__delitem__"), INDEX | SLICE),
            st.tuples(st.just("__getitem__"), INDEX | SLICE),
            st.tuples(st.just("pop")),
            st.tuples(st.just("remove"), items),
            st.tuples(st.just("reverse")),
            st.tuples(st.just("clear")),
        ),
        max_size=30,
    )


def outcome(container, name, *args):
    try:
        return getattr(container, name)(*args), None
    except (IndexError, ValueError) as error:
        return None, type(error)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(deadline=None, max_examples=200)
def test_dynarray_is_a_list(kind, data):
    """Contents and errors are those of a list, except where the spec says otherwise."""
    item_type, items = KINDS[kind]
    array = DynArray[item_type]()
    model = []
    for name, *args in data.draw(array_operations(items)):
        if name == "insert" and not -len(model) <= args[0] <= len(model):
            with pytest.raises(IndexError):  # a list would move the index to the nearest end
                array.insert(*args)
            continue
        if name == "pop":
            if model:
                assert array.pop() is None
                model.pop()
            else:
                with pytest.raises(Exception, match="empty"):
                    array.pop()
            continue
        assert outcome(array, name, *args) == outcome(model, name, *args), (name, args)
        assert list(array) == model
        assert len(array) == len(model)
    assert [*reversed(array)] == model[::-1]
    assert repr(array) == repr(model).replace(", ", ",") or kind == "payload"
    other = DynArray[item_type]()
    other.extend(array)
    assert list(other) == model


def check_tree(tree_map):
    """Order, heights and balances; and every slot of the arena is in the tree or free, once."""
    seen = []

    def height(node, low, high):
        if node == 0:
            return 0
        seen.append(node)
        key = tree_map._key(node)
        assert low is None or low < key
        assert high is None or key < high
        left, right, balance = tree_map._nodes().links(node)
        heights = height(left, low, key), height(right, key, high)
        assert balance == heights[1] - heights[0]
        assert -1 <= balance <= 1
        return max(heights) + 1

    height(tree_map._root(), None, None)
    slot, off = tree_map._gl_slot, tree_map._gl_off
    free = slot.indirect(off + 8)
    seen += [free.read_u32(4 * i) + 1 for i in range(slot.read_u32(off + 8))]
    in_arena = [node for node in seen if node <= slot.read_u32(off + 4)]
    assert sorted(in_arena) == list(range(1, slot.read_u32(off + 4) + 1))


MAP_OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.integers(0, 30), ITEMS),
        st.tuples(st.just("set"), st.integers(0, 30), ITEMS),
        st.tuples(st.just("delete"), st.integers(0, 30)),
        st.tuples(st.just("default"), st.integers(0, 30)),
        st.tuples(st.just("compute"), st.integers(0, 30), ITEMS),
        st.tuples(st.just("popitem")),
        st.tuples(st.just("clear")),
    ),
    max_size=60,
)


@given(operations=MAP_OPERATIONS, keys=st.sampled_from([(u8, int), (str, str)]))
@settings(deadline=None, max_examples=200)
def test_treemap_is_a_sorted_dict(operations, keys):
    """Contents are those of a dict in the order of its keys, and the tree is balanced after every step."""
    key_type, make_key = keys
    tree_map = TreeMap[key_type, u16]()
    model = {}
    for name, *rest in operations:
        key = make_key(rest[0]) if rest else None
        match name:
            case "set":
                tree_map[key] = model[key] = rest[1]
            case "delete":
                assert tree_map.pop(key, None) == model.pop(key, None)
            case "default":
                got = tree_map.get_or_insert_default(key)
                assert got == model.setdefault(key, got)
            case "compute":
                assert tree_map.compute_if_absent(key, lambda rest=rest: rest[1]) == model.setdefault(
                    key, rest[1]
                )
            case "popitem" if model:
                first = min(model)
                assert tree_map.popitem() == (first, model.pop(first))
            case "popitem":
                with pytest.raises(KeyError):
                    tree_map.popitem()
            case "clear":
                tree_map.clear()
                model.clear()
        check_tree(tree_map)
        assert [*tree_map.items()] == sorted(model.items())
    assert tree_map == model
    assert [*tree_map.values()] == [model[key] for key in tree_map]
    assert [*tree_map.keys()] == sorted(model)
    assert all(key in tree_map and tree_map[key] == tree_map.get(key) for key in model)
    copied = copy_to_memory(tree_map)
    tree_map.clear()
    assert copied == model
    check_tree(copied)


@given(st.permutations(range(40)), st.permutations(range(40)))
@settings(deadline=None, max_examples=30)
def test_treemap_shape(order, removed):
    """Any order of insertion and removal keeps the tree balanced."""
    tree_map = inmem_allocate(TreeMap[u32, None])
    for key in order:
        tree_map[key] = None
    check_tree(tree_map)
    for key in removed:
        del tree_map[key]
        check_tree(tree_map)
    assert len(tree_map) == 0
    assert not tree_map
