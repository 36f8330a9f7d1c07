/* labels.c - labels, goto, labelled break and continue of one function body. Runs after the body
 * was checked, only where the body uses labels. Nested function literals have label scopes of
 * their own. */
#include "lang/check.h"

#include <string.h>

/* A block being walked, for gotos: which labels and variable declarations stand in it. */
typedef struct LabelBlock {
    Pos start;
} LabelBlock;

typedef struct Label {
    Obj *obj;
    Stmt *stmt;
    LabelBlock *block;
    uint32_t vars;          /* variables declared in the block before it */
    Pos var_pos;            /* the last of them */
    bool used;
} Label;

typedef struct Jump {
    Stmt *stmt;
    LabelBlock *block;
    VEC(LabelBlock *) chain; /* the blocks around, outermost last, and at which variable count */
    VEC(uint32_t) counts;
} Jump;

typedef struct Walk {
    Checker *c;
    Scope *scope;
    VEC(Label) labels;
    VEC(Jump) jumps;
    VEC(LabelBlock *) open;   /* blocks around the current statement, innermost last */
    VEC(uint32_t) counts;     /* their variable counts */
    Pos var_pos;              /* the last variable declared */
    VEC(Stmt *) around;       /* enclosing ST_LABELED, innermost last */
} Walk;

static Label *find(Walk *w, Name name)
{
    Obj *o = scope_lookup(w->scope, name);
    return o ? &w->labels.at[o->order] : NULL;
}

static void walk_list(Walk *w, StmtList *list, Pos start);

/* ---- first pass: declarations, jumps ---- */

static void declare_label(Walk *w, Stmt *s)
{
    Checker *c = w->c;
    Expr *name = s->labeled.label;
    if (name->kind != EX_NAME) {
        return;
    }
    Obj *o = check_new_obj(c, OBJ_LABEL, name->name.name, name->start, INVALID);
    o->order = w->labels.n;
    s->labeled.obj = name->name.obj = o;
    Label l = {.obj = o, .stmt = s, .block = w->open.at[w->open.n - 1],
               .vars = w->counts.at[w->counts.n - 1], .var_pos = w->var_pos};
    VEC_PUSH(w->labels, l);
    if (!strcmp(name->name.name, "_")) {
        w->labels.at[o->order].used = true;
        return;
    }
    Obj *old = scope_insert(w->scope, o);
    if (old) {
        w->labels.at[o->order].used = true;
        check_error_at(c, name, "DuplicateLabel", "label %s already defined at %s", o->name,
                       check_pos_text(c, old->pos));
    }
}

static void add_jump(Walk *w, Stmt *s)
{
    Jump j = {.stmt = s, .block = w->open.at[w->open.n - 1]};
    for (uint32_t i = w->open.n; i-- > 0;) {
        VEC_PUSH(j.chain, w->open.at[i]);
        VEC_PUSH(j.counts, w->counts.at[i]);
    }
    VEC_PUSH(w->jumps, j);
}

static bool is_loop(const Stmt *s)
{
    return s && (s->kind == ST_FOR || s->kind == ST_RANGE);
}

static bool is_breakable(const Stmt *s)
{
    return is_loop(s) || (s && (s->kind == ST_SWITCH || s->kind == ST_TYPESWITCH
                                || s->kind == ST_SELECT));
}

static void labeled_branch(Walk *w, Stmt *s)
{
    Checker *c = w->c;
    Expr *name = s->branch.label;
    if (name->kind != EX_NAME) {
        return;
    }
    for (uint32_t i = w->around.n; i-- > 0;) {
        Stmt *l = w->around.at[i];
        if (l->labeled.label->kind != EX_NAME || l->labeled.label->name.name != name->name.name) {
            continue;
        }
        if (l->labeled.obj) {
            w->labels.at[l->labeled.obj->order].used = true;
            name->name.obj = l->labeled.obj;
        }
        s->branch.target = l;
        bool ok = s->kind == ST_BREAK ? is_breakable(l->labeled.body) : is_loop(l->labeled.body);
        if (!ok) {
            check_error_at(c, name, "MisplacedLabel", "invalid %s label %s",
                           s->kind == ST_BREAK ? "break" : "continue", name->name.name);
        }
        return;
    }
    add_jump(w, s); /* an error, told apart when all labels are known */
}

static uint32_t declares(const Stmt *s)
{
    if (s->kind == ST_DECL) {
        return s->decl.decl->kind == DECL_VAR;
    }
    if (s->kind == ST_DEFINE) {
        for (uint32_t i = 0; i < s->assign.lhs.n; i++) {
            if (s->assign.is_new && s->assign.is_new[i]) {
                return 1;
            }
        }
    }
    return 0;
}

static void walk_clauses(Walk *w, Clause **at, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        walk_list(w, &at[i]->body, at[i]->pos);
    }
}

static void walk(Walk *w, Stmt *s)
{
    if (!s || !check_enter(w->c, s->pos)) {
        if (s) {
            check_leave(w->c);
        }
        return;
    }
    switch ((StmtKind)s->kind) {
    case ST_LABELED:
        declare_label(w, s);
        VEC_PUSH(w->around, s);
        walk(w, s->labeled.body);
        w->around.n--;
        break;
    case ST_BREAK:
    case ST_CONTINUE:
        if (s->branch.label) {
            labeled_branch(w, s);
        }
        break;
    case ST_GOTO:
        if (s->branch.label) {
            add_jump(w, s);
        }
        break;
    case ST_BLOCK: walk_list(w, &s->block.body->stmts, s->block.body->pos); break;
    case ST_IF:
        if (s->if_.then) {
            walk_list(w, &s->if_.then->stmts, s->if_.then->pos);
        }
        walk(w, s->if_.els);
        break;
    case ST_FOR:
        if (s->for_.body) {
            walk_list(w, &s->for_.body->stmts, s->for_.body->pos);
        }
        break;
    case ST_RANGE:
        if (s->range.body) {
            walk_list(w, &s->range.body->stmts, s->range.body->pos);
        }
        break;
    case ST_SWITCH: walk_clauses(w, s->switch_.clauses.at, s->switch_.clauses.n); break;
    case ST_TYPESWITCH: walk_clauses(w, s->tswitch.clauses.at, s->tswitch.clauses.n); break;
    case ST_SELECT: walk_clauses(w, s->select.clauses.at, s->select.clauses.n); break;
    default: break;
    }
    check_leave(w->c);
}

static void walk_list(Walk *w, StmtList *list, Pos start)
{
    LabelBlock *b = MEM_NEW(LabelBlock);
    b->start = start;
    VEC_PUSH(w->open, b);
    VEC_PUSH(w->counts, 0);
    for (uint32_t i = 0; i < list->n; i++) {
        walk(w, list->at[i]);
        Stmt *s = list->at[i];
        while (s->kind == ST_LABELED && s->labeled.body) {
            s = s->labeled.body;
        }
        if (declares(s)) {
            w->counts.at[w->counts.n - 1]++;
            w->var_pos = s->pos;
        }
    }
    w->open.n--;
    w->counts.n--;
}

/* ---- second pass ---- */

static void resolve_goto(Walk *w, Jump *j, Label *l)
{
    Checker *c = w->c;
    Expr *name = j->stmt->branch.label;
    l->used = true;
    name->name.obj = l->obj;
    j->stmt->branch.target = l->stmt;
    for (uint32_t i = 0; i < j->chain.n; i++) {
        if (j->chain.at[i] != l->block) {
            continue;
        }
        bool forward = l->stmt->pos > j->stmt->pos;
        if (forward && l->vars > j->counts.at[i]) {
            check_error_at(c, name, "JumpOverDecl",
                           "goto %s jumps over variable declaration at line %u", l->obj->name,
                           check_line(c, l->var_pos));
        }
        return;
    }
    check_error_at(c, name, "JumpIntoBlock", "goto %s jumps into block starting at %s",
                   l->obj->name, check_pos_text(c, l->block->start));
}

void check_labels(Checker *c, Block *body)
{
    Walk w = {.c = c, .scope = scope_new(NULL)};
    walk_list(&w, &body->stmts, body->pos);
    for (uint32_t i = 0; i < w.jumps.n; i++) {
        Jump *j = &w.jumps.at[i];
        Expr *name = j->stmt->branch.label;
        Label *l = name->kind == EX_NAME ? find(&w, name->name.name) : NULL;
        const char *kind = j->stmt->kind == ST_BREAK ? "break" : "continue";
        if (name->kind != EX_NAME) {
            continue;
        }
        if (j->stmt->kind == ST_GOTO) {
            if (l) {
                resolve_goto(&w, j, l);
            } else {
                check_error_at(c, name, "UndeclaredLabel", "label %s not defined",
                               name->name.name);
            }
        } else if (l) {
            l->used = true;
            check_error_at(c, name, "MisplacedLabel", "invalid %s label %s", kind,
                           name->name.name);
        } else {
            check_error_at(c, name, "UndeclaredLabel", "%s label not defined: %s", kind,
                           name->name.name);
        }
    }
    for (uint32_t i = 0; i < w.labels.n; i++) {
        Label *l = &w.labels.at[i];
        if (!l->used) {
            check_error(c, l->obj->pos, l->obj->pos + (Pos)strlen(l->obj->name), "UnusedLabel",
                        "label %s defined and not used", l->obj->name);
        }
    }
}
