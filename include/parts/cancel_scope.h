/**
 * Declares a cancel scope that is left by itself at the end of the block.
 *
 * It enters the scope as `cancel_enter` does. It is left at the end of the block in which it
 * stands, however that ends: by `return`, `break`, `continue` or `goto`, and in C++ by an
 * exception. That keeps `errno`. So leaving it can't be forgotten; `cancel_fired` tells inside
 * whether it has fired. It may be left before the end with `cancel_leave`, which tells the same.
 *
 * It is a declaration, and a `case` or label can't stand right before it. Code that jumps out of the
 * block with `longjmp` doesn't leave the scope.
 *
 * # Parameters
 *
 * - `name`: the name of the variable, a `struct cancel_scope`.
 * - `ch`: what to watch. See `cancel_enter`.
 * - `deadline`: the time at which the scope fires; -1 for none.
 *
 * # Return value
 *
 * None, as it is a declaration. A scope that could not be entered is one that has fired:
 * `cancel_fired` returns why, one of the errors of `cancel_enter`. Blocking calls inside are not
 * interrupted then.
 *
 * # Thread safety
 *
 * The scope belongs to the calling coroutine.
 *
 * # Example
 *
 * ```c
 * #include <libdill.h>
 *
 * // Receives until the request comes, or one second passes without a message.
 * static int receive(int ch) {
 *     int val;
 *     for(;;) {
 *         CANCEL_SCOPE(sc, DILL_REQUEST, now() + 1000);
 *         if(chrecv(ch, &val, sizeof(val), -1) < 0) return cancel_fired(&sc);
 *     }
 * }
 *
 * int main(void) {
 *     int ch[2];
 *     if(chmake(ch) < 0) return 1;
 *     return receive(ch[0]) == ETIMEDOUT ? 0 : 1;
 * }
 * ```
 *
 * # See also
 *
 * `cancel_enter`, `cancel_fired`, `cancel_leave`
 */
#define DILL_CANCEL_SCOPE(name, ch, deadline) \
    dill_cancel_scope_(name, ch, deadline)

#if defined __cplusplus

struct dill_cancel_guard_ : dill_cancel_scope {
    dill_cancel_guard_(int ch, int64_t deadline) {
        dill_cancel_begin(this, ch, deadline);
    }
    ~dill_cancel_guard_() {
        dill_cancel_end(this);
    }
private:
    dill_cancel_guard_(const dill_cancel_guard_&);
    dill_cancel_guard_ &operator=(const dill_cancel_guard_&);
};

#define dill_cancel_scope_(name, ch, deadline) \
    dill_cancel_guard_ name((ch), (deadline))

#else

/* One declaration, so that it may stand wherever one may. */
#define dill_cancel_scope_(name, ch, deadline) \
    struct dill_cancel_scope name __attribute__((__cleanup__(dill_cancel_end))), \
        *dill_entered_##name __attribute__((__unused__)) = \
            (dill_cancel_begin(&name, (ch), (deadline)), &name)

#endif
