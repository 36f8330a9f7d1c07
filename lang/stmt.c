/* stmt.c - statements. ctx says which branches may stand here; the statements that plain break and
 * continue leave are in the environment. */
#include "lang/check.h"

#include <assert.h>
#include <string.h>

void check_stmts(Checker *c, StmtList *list, unsigned ctx)
{
    bool ok = ctx & CTX_FALLTHROUGH;
    unsigned inner = ctx & ~(unsigned)CTX_FALLTHROUGH;
    uint32_t last = list->n;
    while (last > 0 && list->at[last - 1]->kind == ST_EMPTY) {
        last--;
    }
    for (uint32_t i = 0; i < list->n; i++) {
        check_stmt(c, list->at[i], ok && i + 1 == last ? inner | CTX_FALLTHROUGH : inner);
    }
}

void check_block(Checker *c, Block *b, unsigned ctx)
{
    if (!b) {
        return;
    }
    b->scope = check_push_scope(c, b->pos, b->rbrace);
    check_stmts(c, &b->stmts, ctx);
    check_pop_scope(c);
}

/* ---- expression statements, go, defer ---- */

static bool may_stand_alone(const Expr *call)
{
    if (call->call.call_kind == CALL_CONVERSION) {
        return false;
    }
    if (call->call.call_kind == CALL_BUILTIN) {
        switch (call->call.builtin) {
        case BI_CLEAR: case BI_CLOSE: case BI_COPY: case BI_DELETE: case BI_PANIC: case BI_PRINT:
        case BI_PRINTLN: case BI_RECOVER:
            return true;
        default:
            return false;
        }
    }
    return true;
}

static void expr_stmt(Checker *c, Expr *x)
{
    check_raw(c, x, NULL);
    Expr *in = check_unparen(x);
    if (x->mode == MODE_INVALID || x->mode == MODE_NOVALUE) {
        return;
    }
    if (x->mode == MODE_BUILTIN) {
        check_error_at(c, x, "UncalledBuiltin", "%s must be called", check_operand_text(c, x));
        return;
    }
    if (x->mode == MODE_TYPE) {
        check_error_at(c, x, "NotAnExpr", "%s is not an expression", check_operand_text(c, x));
        return;
    }
    if (in->kind == EX_CALL && may_stand_alone(in)) {
        return;
    }
    if (in->kind == EX_UNARY && in->unary.op == TOK_ARROW) {
        return;
    }
    check_error_at(c, x, in->kind == EX_CALL ? "UnusedResults" : "UnusedExpr", "%s is not used",
                   check_operand_text(c, x));
    check_default(c, x);
}

static void go_stmt(Checker *c, Stmt *s)
{
    const char *what = s->kind == ST_GO ? "go" : "defer";
    Expr *x = s->go.call;
    Expr *call = check_unparen(x);
    if (call->kind != EX_CALL) {
        check_use(c, x);
        if (call->kind != EX_BAD) {
            check_error_at(c, x, s->kind == ST_GO ? "InvalidGo" : "InvalidDefer",
                           "expression in %s must be function call", what);
        }
        return;
    }
    check_raw(c, x, NULL);
    if (x->mode == MODE_INVALID) {
        return;
    }
    if (call->call.call_kind == CALL_CONVERSION) {
        check_error_at(c, x, s->kind == ST_GO ? "InvalidGo" : "InvalidDefer",
                       "%s requires function call, not conversion", what);
    } else if (!may_stand_alone(call)) {
        check_error_at(c, x, "UnusedResults", "%s discards result of %s", what,
                       check_operand_text(c, x));
    }
}

/* ---- simple statements ---- */

static void send_stmt(Checker *c, Stmt *s)
{
    Expr *ch = s->send.ch, *v = s->send.value;
    check_expr(c, ch, NULL);
    check_generic_expr(c, v);
    if (ch->mode == MODE_INVALID || v->mode == MODE_INVALID) {
        return;
    }
    Type *u = type_core(ch->type);
    const char *why = !u ? "no core type" : u->kind != T_CHAN ? "non-channel"
                      : !(u->chan.dir & 2) ? "receive-only" : NULL;
    if (why) {
        check_error(c, ch->start, s->end, "InvalidSend",
                    !u ? "invalid operation: cannot send to %s: no core type"
                    : u->kind != T_CHAN ? "invalid operation: cannot send to non-channel %s"
                    : "invalid operation: cannot send to receive-only channel %s",
                    check_operand_text(c, ch));
        return;
    }
    check_assign_to(c, v, u->chan.elem, "send");
}

static void incdec_stmt(Checker *c, Stmt *s)
{
    Expr *x = s->incdec.x;
    check_expr(c, x, NULL);
    if (x->mode == MODE_INVALID) {
        return;
    }
    if (!type_is_numeric(x->type)) {
        check_error_at(c, x, "NonNumericIncDec", "invalid operation: %s%s (non-numeric type %s)",
                       expr_string(x), check_token_text(s->incdec.op), check_type_text(c, x->type));
        return;
    }
    if (x->mode != MODE_VAR && x->mode != MODE_MAPINDEX) {
        check_lhs(c, x);
    }
}

/* ---- control ---- */

static void condition(Checker *c, Expr *x, const char *what)
{
    check_expr(c, x, NULL);
    if (x->mode == MODE_INVALID) {
        return;
    }
    if (!type_is_boolean(x->type)) {
        check_error_at(c, x, "InvalidCond", "non-boolean condition in %s statement", what);
        return;
    }
    check_default(c, x);
}

static void if_stmt(Checker *c, Stmt *s, unsigned ctx)
{
    unsigned inner = ctx & ~(unsigned)(CTX_FALLTHROUGH | CTX_FINAL_CASE);
    check_push_scope(c, s->pos, s->end);
    if (s->if_.init) {
        check_stmt(c, s->if_.init, 0);
    }
    if (s->if_.cond) {
        condition(c, s->if_.cond, "if");
    }
    check_block(c, s->if_.then, inner);
    if (s->if_.els) {
        check_stmt(c, s->if_.els, inner);
    }
    check_pop_scope(c);
}

static void for_stmt(Checker *c, Stmt *s)
{
    s->for_.scope = check_push_scope(c, s->pos, s->end);
    if (s->for_.init) {
        check_stmt(c, s->for_.init, 0);
    }
    if (s->for_.cond) {
        condition(c, s->for_.cond, "for");
    }
    if (s->for_.post) {
        if (s->for_.post->kind == ST_DEFINE) {
            check_error(c, s->for_.post->pos, 0, "InvalidPostDecl",
                        "cannot declare in post statement of for loop");
        }
        check_stmt(c, s->for_.post, 0);
    }
    Stmt *brk = c->env.brk, *cont = c->env.cont;
    c->env.brk = c->env.cont = s;
    check_block(c, s->for_.body, CTX_BREAK | CTX_CONTINUE);
    c->env.brk = brk;
    c->env.cont = cont;
    check_pop_scope(c);
}

static void branch_stmt(Checker *c, Stmt *s, unsigned ctx)
{
    if (s->branch.label) {
        c->env.has_label = true;
        return;
    }
    switch (s->kind) {
    case ST_BREAK:
        s->branch.target = c->env.brk;
        if (!(ctx & CTX_BREAK)) {
            check_error(c, s->pos, s->end, "MisplacedBreak",
                        "break is not in a loop, switch, or select");
        }
        break;
    case ST_CONTINUE:
        s->branch.target = c->env.cont;
        if (!(ctx & CTX_CONTINUE)) {
            check_error(c, s->pos, s->end, "MisplacedContinue", "continue is not in a loop");
        }
        break;
    case ST_FALLTHROUGH:
        if (!(ctx & CTX_FALLTHROUGH)) {
            const char *msg = ctx & CTX_FINAL_CASE ? "cannot fallthrough final case in switch"
                              : ctx & CTX_TYPESWITCH ? "cannot fallthrough in type switch"
                              : "fallthrough statement out of place";
            check_error(c, s->pos, s->end, "MisplacedFallthrough", "%s", msg);
        }
        break;
    default:
        break;
    }
}

static void return_stmt(Checker *c, Stmt *s)
{
    if (c->env.sig) {
        check_return_vars(c, s);
    } else {
        check_use_list(c, &s->ret.results);
    }
}

static void stmt(Checker *c, Stmt *s, unsigned ctx)
{
    unsigned inner = ctx & ~(unsigned)(CTX_FALLTHROUGH | CTX_FINAL_CASE | CTX_TYPESWITCH);
    switch ((StmtKind)s->kind) {
    case ST_BAD:
    case ST_EMPTY: break;
    case ST_EXPR:
        if (s->show) {
            check_shown(c, s);
        } else {
            expr_stmt(c, s->expr.x);
        }
        break;
    case ST_SEND: send_stmt(c, s); break;
    case ST_INCDEC: incdec_stmt(c, s); break;
    case ST_ASSIGN:
    case ST_DEFINE: check_assign_stmt(c, s); break;
    case ST_GO:
    case ST_DEFER: go_stmt(c, s); break;
    case ST_RETURN: return_stmt(c, s); break;
    case ST_BREAK:
    case ST_CONTINUE:
    case ST_GOTO:
    case ST_FALLTHROUGH: branch_stmt(c, s, ctx); break;
    case ST_BLOCK: check_block(c, s->block.body, inner); break;
    case ST_IF: if_stmt(c, s, inner); break;
    case ST_SWITCH: check_switch(c, s, inner); break;
    case ST_TYPESWITCH: check_type_switch(c, s, inner); break;
    case ST_SELECT: check_select(c, s, inner); break;
    case ST_FOR: for_stmt(c, s); break;
    case ST_RANGE: check_range(c, s, inner); break;
    case ST_LABELED:
        c->env.has_label = true;
        check_stmt(c, s->labeled.body, ctx);
        break;
    case ST_DECL: check_local_decl(c, s->decl.decl); break;
    }
}

void check_stmt(Checker *c, Stmt *s, unsigned ctx)
{
    if (!s) {
        return;
    }
    if (check_enter(c, s->pos)) {
        stmt(c, s, ctx);
    }
    check_leave(c);
}
