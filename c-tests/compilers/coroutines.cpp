// Launches inside of a coroutine of C++20, whose variables lie on the heap: with arguments that
// are its variables, temporaries and parameters; in all four ways; with a suspension in between.

#include <coroutine>
#include <exception>
#include <string>

#include "check.h"

struct Task {
    struct promise_type {
        Task get_return_object() {
            return Task{std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        std::suspend_always initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() { std::terminate(); }
    };
    std::coroutine_handle<promise_type> handle;
};

static coroutine void adds(int *sum, int a, const std::string text, int ch) {
    *sum += a;
    int size = static_cast<int>(text.size());
    CHECK_OK(chsend(ch, &size, sizeof(size), -1));
    *sum += 1000;
}

static int received(int ch) {
    int size;
    CHECK_OK(chrecv(ch, &size, sizeof(size), -1));
    return size;
}

static Task launches(std::string text, int *result) {
    static char stack[2][65536];
    int ch[2], sum = 0, i = 3;
    CHECK_OK(chmake(ch));
    int b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, adds(&sum, i++, text + "!", ch[0])));
    CHECK_INT(i, 4);
    CHECK_INT(sum, 3);
    co_await std::suspend_always{};
    int c = go(adds(&sum, i, text, ch[0]));
    CHECK_HANDLE(c);
    CHECK_INT(sum, 7);
    int d = go_mem(adds(&sum, i + 1, std::string(100, 'x'), ch[0]), stack[0], sizeof(stack[0]));
    CHECK_HANDLE(d);
    for(int k = 0; k != 2; ++k) {
        std::string local(50, 'y');
        CHECK_OK(bundle_go(b, adds(&sum, k, local, ch[0])));
        co_await std::suspend_always{};
    }
    CHECK_OK(bundle_go_mem(b, adds(&sum, 0, {}, ch[0]), stack[1], sizeof(stack[1])));
    int seen = 0;
    for(int k = 0; k != 6; ++k) seen += received(ch[1]);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(bundle_wait(c, -1));
    CHECK_OK(bundle_wait(d, -1));
    CHECK_INT(sum, 13 + 6000);
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(c));
    CHECK_OK(hclose(d));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
    *result = seen;
}

int main() {
    for(int i = 0; i != 3; ++i) {
        int result = -1;
        Task task = launches("a text that is not short enough", &result);
        while(!task.handle.done()) task.handle.resume();
        task.handle.destroy();
        CHECK_INT(result, 32 + 31 + 100 + 2 * 50);
    }
    return 0;
}
