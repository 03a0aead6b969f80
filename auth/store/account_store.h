// Our own store of customers, domains and accounts, as the relay sees it.  One object in the process; thread-safe; its
// calls block, each for what its comment says: none is made on a core's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/answer.h"
#include "auth/certificate_login.h"
#include "auth/contained.h"
#include "auth/cram_md5.h"
#include "auth/scram.h"
#include "auth/secret.h"
#include "auth/store/claim.h"
#include "auth/store/mailbox_state.h"
#include "auth/store/password_hash.h"
#include "auth/store/store_error.h"
#include "engine/base/network.h"
#include "engine/base/time.h"

namespace sluice::auth {

// What became different in a store since it was last asked. Caches forget what is named here.
struct Changes {
  std::uint64_t upto = 0;               // to ask from next time
  bool everything = false;              // more than can be listed one by one: forget all
  std::vector<std::string> accounts;    // names, lower case
  std::vector<std::int64_t> customers;  // ids: each with all of its accounts
  // How many accounts that may log in have no keys for SCRAM; nothing where the store makes none.
  std::optional<std::uint64_t> without_scram;
  std::optional<std::vector<Network>> networks;  // all that are contained now; nothing where that is not known
  std::string error;                             // not empty: could not be found out; `upto` is then what was passed in
};

// An account's password as the store has it.
struct StoredPassword {
  std::int64_t account_id = 0;
  std::string hash;
  std::uint32_t scram_iterations = 0;  // of its keys for SCRAM; 0: it has none
  std::uint64_t known_change = 0;      // as Identity's
};

// Listens for changes, on a connection and a thread of its own, and calls `changed` on that thread: at each change, and
// after each time when it may have missed one.  Until it goes, which takes a moment.  Where notices do not come
// through, `unheard` is called with the reason, also on that thread, and `changed` once a second from then on.
class StoreListener {
 public:
  virtual ~StoreListener() = default;
  StoreListener(const StoreListener&) = delete;
  StoreListener& operator=(const StoreListener&) = delete;

 protected:
  StoreListener() = default;
};

class AccountStore {
 public:
  virtual ~AccountStore() = default;
  AccountStore(const AccountStore&) = delete;
  AccountStore& operator=(const AccountStore&) = delete;

  // For log lines and metrics, such as "embedded".
  [[nodiscard]] virtual std::string_view kind() const = 0;

  // The three steps of a login.  The first and the last wait for the disk, the second takes a hash's time.
  [[nodiscard]] virtual StoreResult<std::optional<StoredPassword>> find(const Name& name) = 0;
  struct Matched {
    PasswordMatch match = PasswordMatch::unknown;
    std::string_view reason = {};  // of `unknown`; constant text that has nothing of the hash
    std::string renewed;           // of a right password whose hash is to be replaced by this one; empty: it is not
    std::optional<ScramKeys> scram =
        {};  // of a right password whose keys for SCRAM are missing, or of other iterations
  };
  // Null: there is no such account; the same work is done.
  [[nodiscard]] virtual Matched match(const StoredPassword* password, const Secret& secret) = 0;
  // Of a password that was right.
  [[nodiscard]] virtual Answer admit(const StoredPassword& password, const std::string& renewed) = 0;

  // SCRAM.  Any thread, at any time: with how many iterations keys are made; 0: none are.
  virtual void set_scram_iterations(std::uint32_t /*iterations*/) {}
  // After admit(), where that has granted: keeps what match() has made.  Waits for the disk.
  virtual void keep_scram(const StoredPassword& /*password*/, const Matched& /*matched*/) {}
  // The keys of an account; of one that is not there, or has none, something that looks like them, the same each time.
  // Waits for the disk.
  [[nodiscard]] virtual StoreResult<ScramKeys> scram_keys(const Name& /*name*/) {
    return store_error(StoreError::Kind::unavailable, "this store has no keys for SCRAM");
  }
  // Of keys that were proven.  Waits for the disk.
  [[nodiscard]] virtual Answer admit_scram(const ScramKeys& /*keys*/) { return Answer::wrong(); }

  // Of a certificate that TLS has verified: the account that the operator has given it to, or that its addresses name;
  // wrong, with a reason for the log, where that is none or not one.  Waits for the disk.
  [[nodiscard]] virtual Answer admit_certificate(const CertificateLogin& /*login*/) { return Answer::wrong(); }

  // The account that this is a device password of, before any back end is asked: nothing where it is none, or has
  // expired. Notes its use.  Waits for the disk.
  [[nodiscard]] virtual StoreResult<std::optional<Answer>> find_device(const Credentials& /*credentials*/,
                                                                       WallMillis /*now*/) {
    return std::nullopt;
  }
  // Likewise, of a device password with which a challenge was answered.  All that the account has are tried, and the
  // time does not show how many these are, nor whether there is such an account.
  [[nodiscard]] virtual StoreResult<std::optional<Answer>> find_device(const CramMd5Login& /*login*/,
                                                                       WallMillis /*now*/) {
    return std::nullopt;
  }

  // Accounts with device passwords that the store does not have itself and about which no back end has been asked for a
  // day, those first that have waited longest; and what a back end says of one: how many device passwords are worth
  // nothing now, since it is gone.  Both wait for the disk.
  [[nodiscard]] virtual StoreResult<std::vector<std::string>> mailboxes_to_ask(WallMillis /*now*/,
                                                                               std::size_t /*max*/) {
    return std::vector<std::string>();
  }
  [[nodiscard]] virtual StoreResult<std::size_t> note_mailbox(const std::string& /*account*/, MailboxState /*state*/,
                                                              WallMillis /*now*/) {
    return std::size_t{0};
  }

  // Whose account this is, and what it may: granted; suspended, also where no customer of ours has it; unavailable.
  // Waits for the disk.
  [[nodiscard]] virtual Answer identify(const Claim& claim) = 0;

  // All of a login on the caller's thread.
  [[nodiscard]] Answer check(const Name& name, const Secret& secret);

  // Whether there is a customer of this name, compared without case; nothing where that cannot be found
  // out. Blocks.
  [[nodiscard]] virtual std::optional<bool> has_customer(std::string_view /*name*/) { return std::nullopt; }
  // Names of customers, at most so many.  Blocks.
  [[nodiscard]] virtual std::vector<std::string> customer_names(std::size_t /*most*/) { return {}; }
  // Names of accounts that stand about this one in their order, and itself where it is there; at most so many before it
  // and behind it; nothing where they cannot be read.  Blocks.
  [[nodiscard]] virtual std::optional<std::vector<std::string>> account_names_about(std::string_view /*name*/,
                                                                                    std::size_t /*most*/) {
    return std::nullopt;
  }

  // What the operator has contained: from its networks no session may come.  Blocks.
  [[nodiscard]] virtual StoreResult<Contained> contained() { return Contained(); }

  // Why it cannot be asked at this moment, a sentence; empty when it can.  Blocks.
  [[nodiscard]] virtual std::string last_error() { return {}; }

  // The file whose change is a reason to ask changes_since(). Empty: see listen().
  [[nodiscard]] virtual std::string watched_file() const { return {}; }
  // Null: nothing tells of changes but the file.
  using Unheard = std::function<void(std::string_view why)>;
  [[nodiscard]] virtual std::unique_ptr<StoreListener> listen(
      std::function<void()> /*changed*/,  // NOLINT(performance-unnecessary-value-param): implementations keep them
      Unheard /*unheard*/) {              // NOLINT(performance-unnecessary-value-param)
    return nullptr;
  }
  // Start with 0 at process start (before the first check), then with the `upto` of the answer
  // before. From 0 it names no changes, only where to go on from.
  [[nodiscard]] virtual Changes changes_since(std::uint64_t seen) { return Changes{.upto = seen}; }

 protected:
  AccountStore() = default;
};

// What a match that came to nothing means for the login, in the store's words.
[[nodiscard]] std::string unmatched_text(const Name& name, std::string_view reason);

}  // namespace sluice::auth
