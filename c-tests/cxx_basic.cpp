// The C header in C++17: go() in member functions and lambdas, with references and
// objects that have destructors, channels, bundles, cancellation.

#include <cstdint>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <libdillimpl.h>

#include "check.h"

struct Tracker {
    static int alive;
    Tracker() {alive++;}
    Tracker(const Tracker&) {alive++;}
    ~Tracker() {alive--;}
};

int Tracker::alive = 0;

static coroutine void sends(int ch, std::string text) {
    for(char c : text) CHECK_OK(chsend(ch, &c, 1, -1));
    CHECK_OK(chdone(ch));
}

BEFORE_EACH {
    use_virtual_time();
}

TEST(strings_by_value) {
    int ch[2];
    CHECK_OK(chmake(ch));
    std::string text = "a string that doesn't fit into the object itself";
    int b = go(sends(ch[0], text + "!"));
    CHECK_HANDLE(b);
    std::string seen;
    char c;
    while(chrecv(ch[1], &c, 1, -1) == 0) seen += c;
    CHECK_INT(errno, EPIPE);
    CHECK(seen == text + "!");
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

static coroutine void holds(Tracker, std::unique_ptr<int> value, int *seen) {
    Tracker local;
    int rc = msleep(-1);
    CHECK_INT(rc, -1);
    CHECK_INT(errno, ECANCELED);
    *seen = *value;
}

TEST(destructors_run) {
    int seen = 0;
    int b = go(holds(Tracker(), std::make_unique<int>(42), &seen));
    CHECK_HANDLE(b);
    CHECK(Tracker::alive >= 2);
    CHECK_OK(hclose(b));
    CHECK_INT(seen, 42);
    CHECK_INT(Tracker::alive, 0);
}

static coroutine void increments(int &counter, int by) {
    CHECK_OK(yield());
    counter += by;
}

static coroutine void sets(bool &done) {
    CHECK_OK(yield());
    done = true;
}

// What a coroutine or the evaluation of its arguments changes in the parent's frame
// is seen there, in plain local variables too.
TEST(references_and_side_effects) {
    int counter = 0, by = 1;
    int b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != 10; ++i)
        CHECK_OK(bundle_go(b, increments(counter, by++)));
    CHECK_INT(by, 11);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(counter, 55);
    bool done = false;
    int turns = 0;
    CHECK_OK(bundle_go(b, sets(done)));
    while(!done && turns < 100) {
        CHECK_OK(yield());
        turns++;
    }
    CHECK(done);
    CHECK_OK(hclose(b));
}

class Server {
public:
    Server() {
        CHECK_OK(chmake(ch_));
        bundle_ = bundle();
        CHECK_HANDLE(bundle_);
        CHECK_OK(bundle_notify(bundle_, ch_[0]));
        CHECK_OK(bundle_go(bundle_, loop(ch_[1])));
    }
    ~Server() {
        CHECK_OK(bundle_cancel(bundle_, 60000));
        CHECK_OK(hclose(ch_[0]));
        CHECK_OK(hclose(ch_[1]));
    }
    void put(int value) {
        CHECK_OK(chsend(ch_[0], &value, sizeof(value), -1));
    }
    static int total;

private:
    coroutine void loop(int ch) {
        int value;
        while(chrecv(ch, &value, sizeof(value), -1) == 0) total += value;
        CHECK_INT(errno, EPIPE);
        ended_ = true;
    }
    int ch_[2];
    int bundle_;
    bool ended_ = false;
};

int Server::total = 0;

TEST(member_functions) {
    {
        Server server;
        for(int i = 1; i <= 100; ++i) server.put(i);
    }
    CHECK_INT(Server::total, 5050);
}

TEST(lambdas) {
    std::vector<int> seen;
    auto worker = [&seen](int value) {
        seen.push_back(value);
        CHECK_OK(yield());
        seen.push_back(-value);
    };
    int b = bundle();
    CHECK_HANDLE(b);
    for(int i = 1; i <= 3; ++i) CHECK_OK(bundle_go(b, worker(i)));
    auto launch = [&](int value) {return go(worker(value));};
    int b2 = launch(4);
    CHECK_HANDLE(b2);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(bundle_wait(b2, -1));
    int sum = 0;
    for(int value : seen) sum += value;
    CHECK_INT(seen.size(), 8);
    CHECK_INT(sum, 0);
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(b2));
}

template<typename T> static coroutine void templated(T value, T *out) {
    CHECK_OK(yield());
    *out = value;
}

TEST(templates) {
    std::string s;
    double d = 0;
    int b = go(templated(std::string("text"), &s));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, templated<double>(2.5, &d)));
    CHECK_OK(bundle_wait(b, -1));
    CHECK(s == "text" && d == 2.5);
    CHECK_OK(hclose(b));
}

static coroutine void throws(int *caught) {
    // An exception may pass through frames of the coroutine, not out of it.
    try {
        CHECK_OK(yield());
        throw std::string("thrown");
    }
    catch(const std::string &e) {
        *caught = e == "thrown";
    }
}

TEST(exceptions_inside) {
    int caught[3] = {0, 0, 0};
    int b = bundle();
    CHECK_HANDLE(b);
    for(int &c : caught) CHECK_OK(bundle_go(b, throws(&c)));
    CHECK_OK(bundle_wait(b, -1));
    for(int c : caught) CHECK_INT(c, 1);
    CHECK_OK(hclose(b));
}

struct BlocksAtItsEnd {
    ~BlocksAtItsEnd() {CHECK_OK(msleep(now() + 1));}
};

// What libdill(7) tells of exceptions: they may pass by destructors that block, and are kept
// where a coroutine has to block because of one. Others do the same meanwhile.
static coroutine void keeps(int ms, std::string text, int *done) {
    std::exception_ptr failure;
    try {
        BlocksAtItsEnd blocks;
        throw std::runtime_error(text);
    }
    catch(...) {
        failure = std::current_exception();
    }
    CHECK_OK(msleep(now() + ms));
    CHECK(!std::current_exception());
    try {
        std::rethrow_exception(failure);
    }
    catch(const std::runtime_error &e) {
        *done = e.what() == text;
    }
}

TEST(exceptions_kept) {
    int done[3] = {0, 0, 0};
    int b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != 3; ++i) {
        std::string text = "the exception of the coroutine with number " + std::to_string(i);
        CHECK_OK(bundle_go(b, keeps(10 * (i + 1), text, &done[i])));
    }
    CHECK_OK(bundle_wait(b, -1));
    for(int d : done) CHECK_INT(d, 1);
    CHECK_OK(hclose(b));
}

static coroutine void blocks() {
    CHECK_ERR(msleep(-1), ECANCELED);
}

TEST(choose_and_stacks) {
    int ch[2], val = 0;
    alignas(16) static char stack[65536];
    CHECK_OK(chmake(ch));
    struct chclause cl[] = {{CHRECV, ch[0], &val, sizeof(val)}};
    CHECK_RESULT(choose(cl, 1, 0), -1, ETIMEDOUT);
    int b = go_mem(blocks(), stack, sizeof(stack));
    CHECK_HANDLE(b);
    CHECK_ERR(bundle_wait(b, now() + 1), ETIMEDOUT);
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}
