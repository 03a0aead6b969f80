// Coroutines that wait.  A Task starts at once; one that finishes without waiting is ready without ever
// suspending.  A waiter is resumed from the thread's ReadyQueue, never by symmetric transfer, so a
// chain of awaits of any length uses no more stack than one.
//
// Rules: one thread; a frame that waits is never destroyed (checked); each task records which task it waits
// for, or the name of the operation it waits for, so that a session can be asked where it is.
// The kernel is not known here: engine/io runs the queue and provides what is worth waiting for.
#pragma once

#include <coroutine>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/share_turns.h"

namespace sluice {

class PromiseBase;

// Tasks that can go on: those of one share in order, the shares in turn, so that a customer with a thousand sessions
// puts off another's by as little as one with one does.  One per thread that runs tasks, or one per loop where several
// take turns on one thread.
class ReadyQueue {
 public:
  ReadyQueue();
  ~ReadyQueue();
  ReadyQueue(const ReadyQueue&) = delete;
  ReadyQueue& operator=(const ReadyQueue&) = delete;

  // What is ready is pushed here: the queue made last on this thread, unless a Use says otherwise.
  static ReadyQueue& current();
  class Use;
  void push(PromiseBase& task);
  // The one that waited for the task that runs now, and is done.  Where its share has nothing else to do it goes on in
  // the same turn, so that what a customer with one session does until it waits again is one turn beside another's
  // thousand, however many tasks divide it between them.  Elsewhere in order: many that do the same do it one after the
  // other, which costs less than each to its end (bench/fairness, 4 % of the CPU).
  void push_waiter(PromiseBase& task);
  // A detached task that has finished: its frame is destroyed once control is back in run().
  void bury(PromiseBase& task);
  // Resumes all that are ready, also those that become so meanwhile, at most `max`.  Returns how many.
  std::size_t run(std::size_t max = SIZE_MAX);
  [[nodiscard]] bool empty() const { return next_ == nullptr && turns_.empty(); }

 private:
  PromiseBase& take();

  ShareTurns turns_;
  PromiseBase* next_ = nullptr;  // goes on before all others
  PromiseBase* buried_ = nullptr;
  ReadyQueue* outer_ = nullptr;  // made before this one on the same thread
};

// Makes a queue the current one for as long as it lives: a loop's turn, where loops share a thread.
class ReadyQueue::Use {
 public:
  explicit Use(ReadyQueue& queue);
  ~Use();
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;

 private:
  ReadyQueue* before_;
};

// Frames alive on this thread; zero at exit, or something was lost.
std::int64_t task_frames_live();

// Whose the task is that runs on this thread.
extern constinit thread_local CustomerShare running_share;

class PromiseBase : private InTurn {
 public:
  PromiseBase(const PromiseBase&) = delete;
  PromiseBase& operator=(const PromiseBase&) = delete;

  static std::suspend_never initial_suspend() noexcept { return {}; }
  // An exception in a task is a defect, not an event: errors are values here.
  [[noreturn]] static void unhandled_exception() noexcept { std::abort(); }

  struct Final {
    static bool await_ready() noexcept { return false; }
    template <typename Promise>
    static void await_suspend(std::coroutine_handle<Promise> handle) noexcept {
      handle.promise().finish();
    }
    static void await_resume() noexcept {}
  };
  static Final final_suspend() noexcept { return {}; }

  static void* operator new(std::size_t size);
  static void operator delete(void* frame, std::size_t size);

  // Called by what is awaited, when the wait begins; `what` must outlive the wait (a literal).
  void wait_for(const char* what) {
    share = running_share;
    where_ = what;
  }
  void wait_for(PromiseBase& task) {
    CHECK(task.waiter_ == nullptr);
    share = running_share;
    task.waiter_ = this;
    awaited_ = &task;
  }
  // It goes on in the turns of the share for which it began to wait, or of another from now on.
  void ready() { ReadyQueue::current().push(*this); }
  void ready(CustomerShare whose) {
    share = whose;
    ready();
  }

  // For a task that has no awaiter: called once when it is done; the frame then goes by itself (TaskSet).
  using Done = void (*)(void* context);
  void detach(Done done, void* context) {
    CHECK(!finished_);
    done_ = done;
    context_ = context;
  }

  // What the innermost task waits for that this one waits for: "connect".
  [[nodiscard]] std::string whereabouts() const;
  [[nodiscard]] bool finished() const { return finished_; }

 protected:
  explicit PromiseBase(std::coroutine_handle<> handle) : handle_(handle) {}
  ~PromiseBase() = default;

 private:
  friend class ReadyQueue;
  void finish() noexcept;

  std::coroutine_handle<> handle_;
  PromiseBase* waiter_ = nullptr;
  PromiseBase* awaited_ = nullptr;
  const char* where_ = nullptr;
  Done done_ = nullptr;
  void* context_ = nullptr;
  bool queued_ = false;
  bool finished_ = false;
};

template <typename T>
class [[nodiscard]] Task {
 public:
  class promise_type final : public PromiseBase {
   public:
    promise_type() : PromiseBase(std::coroutine_handle<promise_type>::from_promise(*this)) {}
    Task get_return_object() { return Task(*this); }
    template <typename U>
    void return_value(U&& value) {
      value_.emplace(std::forward<U>(value));
    }
    T take() {
      CHECK(value_.has_value());
      return std::move(*value_);
    }

   private:
    std::optional<T> value_;
  };

  Task(Task&& other) noexcept : promise_(std::exchange(other.promise_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (promise_ == nullptr) return;
    CHECK(promise_->finished());
    std::coroutine_handle<promise_type>::from_promise(*promise_).destroy();
  }

  [[nodiscard]] bool done() const { return promise_->finished(); }
  [[nodiscard]] PromiseBase& promise() const { return *promise_; }
  // The result of a task that is done; once.
  T take() { return promise_->take(); }

  [[nodiscard]] bool await_ready() const noexcept { return promise_->finished(); }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> waiter) noexcept {
    waiter.promise().wait_for(*promise_);
  }
  [[nodiscard]] T await_resume() { return promise_->take(); }

 private:
  explicit Task(promise_type& promise) : promise_(&promise) {}
  promise_type* promise_;
};

template <>
class [[nodiscard]] Task<void> {
 public:
  class promise_type final : public PromiseBase {
   public:
    promise_type() : PromiseBase(std::coroutine_handle<promise_type>::from_promise(*this)) {}
    Task get_return_object() { return Task(*this); }
    static void return_void() noexcept {}
  };

  Task(Task&& other) noexcept : promise_(std::exchange(other.promise_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (promise_ == nullptr) return;
    CHECK(promise_->finished());
    std::coroutine_handle<promise_type>::from_promise(*promise_).destroy();
  }

  [[nodiscard]] bool done() const { return promise_->finished(); }
  [[nodiscard]] PromiseBase& promise() const { return *promise_; }
  // Gives the frame up to the caller of detach().
  PromiseBase& release() { return *std::exchange(promise_, nullptr); }

  [[nodiscard]] bool await_ready() const noexcept { return promise_->finished(); }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> waiter) noexcept {
    waiter.promise().wait_for(*promise_);
  }
  static void await_resume() noexcept {}

 private:
  explicit Task(promise_type& promise) : promise_(&promise) {}
  promise_type* promise_;
};

// What a task can wait for by co_await. `Self::begin()` starts what is waited for, when the task sleeps already; what
// it started calls wake(), once, on the task's thread. begin() may return a bool: false where there is nothing to wait
// for.
template <typename Self>
class Awaiter {
 public:
  static bool await_ready() noexcept { return false; }
  template <typename Promise>
  auto await_suspend(std::coroutine_handle<Promise> waiter) {
    waiter_ = &waiter.promise();
    waiter_->wait_for(what_);
    return static_cast<Self*>(this)->begin();
  }

 protected:
  // `what`: a literal that names the wait.
  explicit Awaiter(const char* what) : what_(what) {}
  void wake() { waiter_->ready(); }
  [[nodiscard]] PromiseBase& waiter() const { return *waiter_; }

 private:
  const char* what_;
  PromiseBase* waiter_ = nullptr;
};

// One task waits until another calls set(); the value, if any, is kept beside it by its owner.
// One waiter at a time; setting it before the wait is remembered.
class AsyncEvent {
 public:
  void set() {
    if (waiter_ != nullptr) {
      std::exchange(waiter_, nullptr)->ready();
    } else {
      set_ = true;
    }
  }
  [[nodiscard]] bool waiting() const { return waiter_ != nullptr; }

  class Wait : public Awaiter<Wait> {
   public:
    Wait(AsyncEvent& event, const char* what) : Awaiter(what), event_(event) {}
    [[nodiscard]] bool await_ready() const noexcept { return std::exchange(event_.set_, false); }
    void begin() {
      CHECK(event_.waiter_ == nullptr);
      event_.waiter_ = &waiter();
    }
    static void await_resume() noexcept {}

   private:
    AsyncEvent& event_;
  };
  // `what`: a literal that names the wait.
  Wait wait(const char* what) { return {*this, what}; }

 private:
  PromiseBase* waiter_ = nullptr;
  bool set_ = false;
};

// Tasks without an awaiter, such as sessions.  Their owner joins them before it goes (checked).
class TaskSet {
 public:
  TaskSet() = default;
  ~TaskSet() { CHECK(live_ == 0); }
  TaskSet(const TaskSet&) = delete;
  TaskSet& operator=(const TaskSet&) = delete;

  // The task, for asking where it waits; null if it is done already.
  const PromiseBase* add(Task<void> task) {
    if (task.done()) return nullptr;
    ++live_;
    PromiseBase& released = task.release();
    released.detach(&one_done, this);
    return &released;
  }
  [[nodiscard]] std::size_t live() const { return live_; }
  // Until none is left.  One waiter.
  Task<void> join(const char* what) {
    joining_ = true;
    while (live_ > 0) co_await empty_.wait(what);
    joining_ = false;
  }

 private:
  static void one_done(void* context) {
    auto& self = *static_cast<TaskSet*>(context);
    if (--self.live_ == 0 && self.joining_) self.empty_.set();
  }
  std::size_t live_ = 0;
  bool joining_ = false;
  AsyncEvent empty_;
};

}  // namespace sluice
