/* initorder.c - the order in which package-level variables are initialised: repeatedly the
 * earliest declared one whose initialiser depends on no uninitialised variable; dependencies reach
 * through functions and methods. What depends on itself is reported. */
#include "lang/check.h"

#include <assert.h>
#include <string.h>

typedef struct Node {
    Obj *var;            /* the first of its declaration */
    VEC(uint32_t) users; /* nodes that wait for this one */
    uint32_t waits;      /* for so many */
    bool done;
} Node;

typedef struct Order {
    Checker *c;
    VEC(Node) nodes;
    VEC(Obj *) path;     /* of the search at hand */
    uint32_t *heap;
    uint32_t nheap;
    uint32_t *stamp;     /* per object (by Obj.order): the last search that met it */
    uint32_t *node_of;   /* per object: its node + 1 */
    uint32_t search;
} Order;

static bool one_call(const Decl *d)
{
    return d->value.names.n > 1 && d->value.values.n == 1;
}

static void add_nodes(Order *o)
{
    Checker *c = o->c;
    for (uint32_t i = 0; i < c->objects.n; i++) {
        Obj *v = c->objects.at[i];
        if (v->kind != OBJ_VAR) {
            continue;
        }
        if (one_call(v->decl) && v->decl->value.names.at[0]->name.obj != v) {
            Obj *first = v->decl->value.names.at[0]->name.obj;
            o->node_of[v->order] = first ? o->node_of[first->order] : 0;
            continue;
        }
        Node n = {.var = v};
        VEC_PUSH(o->nodes, n);
        o->node_of[v->order] = o->nodes.n;
    }
}

/* o->path is the cycle, from var on. */
static void report(Order *o, Obj *var)
{
    Checker *c = o->c;
    char *text = mem_printf("initialization cycle for %s", var->name);
    if (o->path.n == 1) {
        text = mem_printf("initialization cycle: %s refers to itself", var->name);
    }
    for (uint32_t i = 0; i < o->path.n && o->path.n > 1; i++) {
        Obj *a = o->path.at[i], *b = i + 1 < o->path.n ? o->path.at[i + 1] : var;
        text = mem_printf("%s\n\t%s: %s refers to %s", text, check_pos_text(c, a->pos), a->name,
                          b->name);
    }
    check_error(c, var->pos, var->pos + (Pos)strlen(var->name), "InvalidInitCycle", "%s", text);
}

/* All variables that from reaches through functions; edges go to the node n. */
static void reach(Order *o, uint32_t n, Obj *from)
{
    if (!check_enter(o->c, from->pos)) {
        check_leave(o->c);
        return;
    }
    VEC_PUSH(o->path, from);
    for (uint32_t i = 0; i < from->deps.n; i++) {
        Obj *d = from->deps.at[i];
        mem_step();
        if (d->pkg != o->c->pkg || d->order == 0 || o->stamp[d->order] == o->search) {
            continue;
        }
        if (d->kind == OBJ_VAR) {
            o->stamp[d->order] = o->search;
            uint32_t m = o->node_of[d->order];
            if (m) { /* maybe itself: then it is never ready */
                VEC_PUSH(o->nodes.at[m - 1].users, n);
                o->nodes.at[n].waits++;
            }
        } else if (d->kind == OBJ_FUNC) {
            o->stamp[d->order] = o->search;
            reach(o, n, d);
        }
    }
    o->path.n--;
    check_leave(o->c);
}

static void push(Order *o, uint32_t n)
{
    uint32_t i = o->nheap++;
    while (i > 0 && o->heap[(i - 1) / 2] > n) {
        o->heap[i] = o->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    o->heap[i] = n;
}

static uint32_t pop(Order *o)
{
    assert(o->nheap > 0);
    uint32_t top = o->heap[0], last = o->heap[--o->nheap], i = 0;
    for (;;) {
        uint32_t k = 2 * i + 1;
        if (k >= o->nheap) {
            break;
        }
        if (k + 1 < o->nheap && o->heap[k + 1] < o->heap[k]) {
            k++;
        }
        if (o->heap[k] >= last) {
            break;
        }
        o->heap[i] = o->heap[k];
        i = k;
    }
    if (o->nheap) {
        o->heap[i] = last;
    }
    return top;
}

static void emit(Order *o, Node *n)
{
    Package *p = o->c->pkg;
    Decl *d = n->var->decl;
    n->done = true;
    if (!d->value.values.n) {
        return;
    }
    if (one_call(d)) {
        for (uint32_t i = 0; i < d->value.names.n; i++) {
            if (d->value.names.at[i]->name.obj) {
                VEC_PUSH(p->init_order, d->value.names.at[i]->name.obj);
            }
        }
    } else {
        VEC_PUSH(p->init_order, n->var);
    }
    VEC_PUSH(p->init_decls, d);
}

/* A path of dependencies from x to the node's variable, appended to o->path. */
static bool find_path(Order *o, Obj *x, uint32_t node)
{
    bool found = false;
    if (check_enter(o->c, x->pos)) {
        VEC_PUSH(o->path, x);
        for (uint32_t i = 0; i < x->deps.n && !found; i++) {
            Obj *d = x->deps.at[i];
            mem_step();
            if (d->pkg != o->c->pkg || d->order == 0) {
                continue;
            }
            if (d->kind == OBJ_VAR && o->node_of[d->order] == node + 1) {
                found = true;
            } else if ((d->kind == OBJ_VAR || d->kind == OBJ_FUNC)
                       && o->stamp[d->order] != o->search) {
                o->stamp[d->order] = o->search;
                found = find_path(o, d, node);
            }
        }
        o->path.n -= !found;
    }
    check_leave(o->c);
    return found;
}

static uint32_t next_stuck(const Order *o)
{
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; i < o->nodes.n; i++) {
        const Node *n = &o->nodes.at[i];
        mem_step();
        if (!n->done && (best == UINT32_MAX || n->waits < o->nodes.at[best].waits)) {
            best = i;
        }
    }
    return best;
}

/* Nothing is ready any more: the node that waits for the fewest others goes on as if it were. If it
 * is in a cycle, that is reported, and with this step broken, so that each is reported once. */
static void break_cycle(Order *o)
{
    uint32_t at = next_stuck(o);
    Node *n = &o->nodes.at[at];
    o->search++;
    o->path.n = 0;
    if (find_path(o, n->var, at)) {
        report(o, n->var);
    }
    n->waits = 0;
    push(o, at);
}

void check_init_order(Checker *c)
{
    Order o = {.c = c};
    uint32_t n = c->objects.n + 2;
    o.stamp = mem_alloc_atomic(n * sizeof *o.stamp);
    o.node_of = mem_alloc_atomic(n * sizeof *o.node_of);
    o.heap = mem_alloc_atomic(n * sizeof *o.heap);
    memset(o.stamp, 0, n * sizeof *o.stamp);
    memset(o.node_of, 0, n * sizeof *o.node_of);
    add_nodes(&o);
    for (uint32_t i = 0; i < o.nodes.n; i++) {
        o.search++;
        o.path.n = 0;
        reach(&o, i, o.nodes.at[i].var);
    }
    for (uint32_t i = 0; i < o.nodes.n; i++) {
        if (!o.nodes.at[i].waits) {
            push(&o, i);
        }
    }
    for (uint32_t done = 0; done < o.nodes.n; done++) {
        if (!o.nheap) {
            break_cycle(&o);
        }
        uint32_t at = pop(&o);
        emit(&o, &o.nodes.at[at]);
        for (uint32_t i = 0; i < o.nodes.at[at].users.n; i++) {
            Node *user = &o.nodes.at[o.nodes.at[at].users.at[i]];
            if (!user->done && user->waits && --user->waits == 0) {
                push(&o, o.nodes.at[at].users.at[i]);
            }
        }
    }
}
