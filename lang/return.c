/* return.c - terminating statements, as the specification lists them: a function with results ends
 * in one. */
#include "lang/check.h"

static bool terminates(Stmt *s, Stmt *label);

bool check_terminates(StmtList *list)
{
    uint32_t n = list->n;
    while (n > 0 && list->at[n - 1]->kind == ST_EMPTY) {
        n--;
    }
    return n > 0 && terminates(list->at[n - 1], NULL);
}

static bool breaks_list(StmtList *list, Stmt *target, Stmt *label);

/* Whether s holds a break that leaves target (plain where plain is set, or by its label). */
static bool breaks(Stmt *s, Stmt *target, Stmt *label)
{
    if (!s) {
        return false;
    }
    switch ((StmtKind)s->kind) {
    case ST_BREAK:
        return s->branch.label ? label && s->branch.label->kind == EX_NAME
                                 && label->labeled.label->kind == EX_NAME
                                 && s->branch.label->name.name == label->labeled.label->name.name
                               : s->branch.target == target;
    case ST_BLOCK: return breaks_list(&s->block.body->stmts, target, label);
    case ST_IF:
        return (s->if_.then && breaks_list(&s->if_.then->stmts, target, label))
               || breaks(s->if_.els, target, label);
    case ST_LABELED: return breaks(s->labeled.body, target, label);
    case ST_FOR: return s->for_.body && breaks_list(&s->for_.body->stmts, target, label);
    case ST_RANGE: return s->range.body && breaks_list(&s->range.body->stmts, target, label);
    case ST_SWITCH:
        for (uint32_t i = 0; i < s->switch_.clauses.n; i++) {
            if (breaks_list(&s->switch_.clauses.at[i]->body, target, label)) {
                return true;
            }
        }
        return false;
    case ST_TYPESWITCH:
        for (uint32_t i = 0; i < s->tswitch.clauses.n; i++) {
            if (breaks_list(&s->tswitch.clauses.at[i]->body, target, label)) {
                return true;
            }
        }
        return false;
    case ST_SELECT:
        for (uint32_t i = 0; i < s->select.clauses.n; i++) {
            if (breaks_list(&s->select.clauses.at[i]->body, target, label)) {
                return true;
            }
        }
        return false;
    default:
        return false;
    }
}

static bool breaks_list(StmtList *list, Stmt *target, Stmt *label)
{
    for (uint32_t i = 0; i < list->n; i++) {
        if (breaks(list->at[i], target, label)) {
            return true;
        }
    }
    return false;
}

static bool clauses_terminate(Clause **at, uint32_t n, Stmt *s, Stmt *label, bool need_default)
{
    bool has_default = false;
    for (uint32_t i = 0; i < n; i++) {
        StmtList *body = &at[i]->body;
        has_default |= at[i]->is_default;
        uint32_t last = body->n;
        while (last > 0 && body->at[last - 1]->kind == ST_EMPTY) {
            last--;
        }
        bool through = last > 0 && body->at[last - 1]->kind == ST_FALLTHROUGH;
        if ((!through && !check_terminates(body)) || breaks_list(body, s, label)) {
            return false;
        }
    }
    return has_default || !need_default;
}

static bool is_panic(Expr *e)
{
    e = check_unparen(e);
    return e && e->kind == EX_CALL && e->call.call_kind == CALL_BUILTIN
           && e->call.builtin == BI_PANIC && e->call.fn->mode == MODE_BUILTIN;
}

static bool terminates(Stmt *s, Stmt *label)
{
    switch ((StmtKind)s->kind) {
    case ST_EXPR: return is_panic(s->expr.x);
    case ST_RETURN:
    case ST_GOTO:
    case ST_BAD: return true;
    case ST_BLOCK: return check_terminates(&s->block.body->stmts);
    case ST_IF:
        return s->if_.els && s->if_.then && check_terminates(&s->if_.then->stmts)
               && terminates(s->if_.els, NULL);
    case ST_FOR:
        return !s->for_.cond && s->for_.body && !breaks_list(&s->for_.body->stmts, s, label);
    case ST_SWITCH:
        return clauses_terminate(s->switch_.clauses.at, s->switch_.clauses.n, s, label, true);
    case ST_TYPESWITCH:
        return clauses_terminate(s->tswitch.clauses.at, s->tswitch.clauses.n, s, label, true);
    case ST_SELECT:
        return clauses_terminate(s->select.clauses.at, s->select.clauses.n, s, label, false);
    case ST_LABELED: return terminates(s->labeled.body, s);
    default: return false;
    }
}
