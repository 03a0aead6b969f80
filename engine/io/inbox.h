// Messages to a core from other threads: many writers, one reader, no lock.  A message is a closure that
// runs on the reader's thread.  Writers push on a stack; the reader takes the whole stack and reverses it,
// so messages of one writer stay in order.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <utility>

namespace sluice::io {

class Inbox {
 public:
  Inbox() = default;
  ~Inbox() { drop(take()); }
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  // Any thread.  True when the box was empty: then the reader may sleep and has to be woken.
  bool push(std::function<void()> message) {
    Node* below = head_.load(std::memory_order_relaxed);
    auto* node = new Node{std::move(message), below};
    while (!head_.compare_exchange_weak(below, node, std::memory_order_release, std::memory_order_relaxed)) {
      node->next = below;
    }
    // Once it is pushed, the node is the reader's, which may have freed it by now.
    return below == nullptr;
  }

  // The reader: runs all that is there.  Returns how many.
  std::size_t deliver() {
    std::size_t count = 0;
    for (Node* node = reversed(take()); node != nullptr; ++count) {
      node->message();
      delete std::exchange(node, node->next);
    }
    return count;
  }

  [[nodiscard]] bool empty() const { return head_.load(std::memory_order_acquire) == nullptr; }

 private:
  struct Node {
    std::function<void()> message;
    Node* next;
  };
  Node* take() { return head_.exchange(nullptr, std::memory_order_acquire); }
  static Node* reversed(Node* node) {
    Node* first = nullptr;
    while (node != nullptr) {
      Node* next = std::exchange(node->next, first);
      first = std::exchange(node, next);
    }
    return first;
  }
  static void drop(Node* node) {
    while (node != nullptr) delete std::exchange(node, node->next);
  }

  std::atomic<Node*> head_{nullptr};
};

}  // namespace sluice::io
