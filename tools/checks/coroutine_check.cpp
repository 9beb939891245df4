// Run at configure time. Returns 0 only if the compiler gets three things right that g++ 12.2 gets
// wrong: `if (co_await …) co_return`, a braced aggregate as an argument of a co_await, and a
// capturing lambda as one.
#include <coroutine>
#include <memory>
#include <string>
#include <utility>

namespace {

struct Task {
    struct promise_type {
        int value = -1;
        std::coroutine_handle<> continuation;
        Task get_return_object() {
            return Task{std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        std::suspend_always initial_suspend() noexcept { return {}; }
        struct Final {
            bool await_ready() noexcept { return false; }
            std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> h) noexcept {
                auto next = h.promise().continuation;
                return next ? next : std::noop_coroutine();
            }
            void await_resume() noexcept {}
        };
        Final final_suspend() noexcept { return {}; }
        void return_value(int v) { value = v; }
        void unhandled_exception() { value = -2; }
    };
    explicit Task(std::coroutine_handle<promise_type> h) : handle(h) {}
    Task(Task&& other) noexcept : handle(std::exchange(other.handle, {})) {}
    ~Task() {
        if (handle) handle.destroy();
    }
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> c) {
        handle.promise().continuation = c;
        return handle;
    }
    int await_resume() { return handle.promise().value; }
    std::coroutine_handle<promise_type> handle;
};

int live = 0;
struct Counted {
    Counted() { ++live; }
    Counted(const Counted&) { ++live; }
    Counted(Counted&&) noexcept { ++live; }
    ~Counted() { --live; }
};
struct Aggregate {
    std::string text;
    Counted counted;
};

Task yes() {
    co_return 1;
}
Task take(Aggregate a) {
    co_return static_cast<int>(a.text.size());
}
template <class F>
Task call(F f) {
    co_return f();
}

Task early() {
    if (co_await yes() == 1) co_return 7;
    co_return 8;
}
Task all() {
    if (co_await early() != 7) co_return 1;
    if (co_await take({std::string(40, 'x'), Counted{}}) != 40) co_return 2;
    auto shared = std::make_shared<int>(5);
    if (co_await call([shared, c = Counted{}] { return *shared; }) != 5) co_return 3;
    if (shared.use_count() != 1) co_return 4;
    co_return 0;
}

}  // namespace

int main() {
    Task t = all();
    t.handle.resume();
    if (t.handle.promise().value != 0) return t.handle.promise().value;
    return live == 0 ? 0 : 5;
}
