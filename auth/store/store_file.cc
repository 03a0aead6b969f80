#include "auth/store/store_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"

namespace sluice::auth {
namespace {

// Marks the file as ours ("Slui"), so that some other program's database is not written to.
constexpr std::int64_t kApplicationId = 0x536C7569;

// Never changed once released: a new version is a new entry, and the file's user_version says how
// many were applied.
constexpr std::array<Sql, kStoreVersion> kMigrations{
    Sql(R"sql(
CREATE TABLE customer (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE COLLATE NOCASE,
  status INTEGER NOT NULL DEFAULT 0 CHECK (status IN (0, 1, 2)),  -- active, held, suspended
  reason TEXT NOT NULL DEFAULT '',
  created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE domain (
  name TEXT PRIMARY KEY,                                          -- lower case; "*.x" is what lies below x
  customer INTEGER NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
  ownership TEXT NOT NULL CHECK (ownership IN ('asserted')),      -- how it is known to be the customer's
  created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX domain_of_customer ON domain (customer);

CREATE TABLE account (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,                                      -- lower case
  customer INTEGER NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
  status INTEGER NOT NULL DEFAULT 0 CHECK (status IN (0, 1, 2)),
  reason TEXT NOT NULL DEFAULT '',
  password_hash TEXT NOT NULL,
  password_set_ms INTEGER NOT NULL,
  narrowed INTEGER NOT NULL DEFAULT 0 CHECK (narrowed IN (0, 1)), -- 1: only from what narrowing lists
  created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX account_of_customer ON account (customer);

CREATE TABLE narrowing (
  account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  domain TEXT NOT NULL,
  PRIMARY KEY (account, domain)
) STRICT, WITHOUT ROWID;

-- What changed, for relays that hold answers from before. The first row is there so that 0 means "never asked".
CREATE TABLE change (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  account TEXT,
  customer INTEGER
) STRICT;
INSERT INTO change (account) VALUES ('');
CREATE TRIGGER change_kept AFTER INSERT ON change BEGIN
  DELETE FROM change WHERE seq <= NEW.seq - 10000;
END;

CREATE TRIGGER customer_changed AFTER UPDATE OF name, status, reason ON customer BEGIN
  INSERT INTO change (customer) VALUES (NEW.id);
END;
CREATE TRIGGER customer_removed AFTER DELETE ON customer BEGIN
  INSERT INTO change (customer) VALUES (OLD.id);
END;
CREATE TRIGGER domain_added AFTER INSERT ON domain BEGIN
  INSERT INTO change (customer) VALUES (NEW.customer);
END;
CREATE TRIGGER domain_changed AFTER UPDATE OF name, customer ON domain BEGIN
  INSERT INTO change (customer) VALUES (OLD.customer), (NEW.customer);
END;
CREATE TRIGGER domain_removed AFTER DELETE ON domain BEGIN
  INSERT INTO change (customer) VALUES (OLD.customer);
END;
CREATE TRIGGER account_added AFTER INSERT ON account BEGIN
  INSERT INTO change (account) VALUES (NEW.name);
END;
-- Not of password_hash: the same password under another cost is no change.
CREATE TRIGGER account_changed
AFTER UPDATE OF name, customer, status, reason, password_set_ms, narrowed ON account BEGIN
  INSERT INTO change (account) VALUES (OLD.name), (NEW.name);
END;
CREATE TRIGGER account_removed AFTER DELETE ON account BEGIN
  INSERT INTO change (account) VALUES (OLD.name);
END;
CREATE TRIGGER narrowing_added AFTER INSERT ON narrowing BEGIN
  INSERT INTO change (account) SELECT name FROM account WHERE id = NEW.account;
END;
CREATE TRIGGER narrowing_removed AFTER DELETE ON narrowing BEGIN
  INSERT INTO change (account) SELECT name FROM account WHERE id = OLD.account;
END;
)sql"),
    Sql(R"sql(
-- What the store needs for itself.
CREATE TABLE setting (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO setting VALUES ('device_key', lower(hex(randomblob(32))));

-- Passwords that we have made, each for one device or program of a mailbox: of this store, or of another back end.
CREATE TABLE device (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account TEXT NOT NULL,                                          -- lower case
  name TEXT NOT NULL COLLATE NOCASE,
  customer INTEGER NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
  secret TEXT NOT NULL UNIQUE,                                    -- keyed hash, in hex
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER,                                             -- NULL: never
  networks TEXT NOT NULL DEFAULT '',                              -- blanks between them; none: from anywhere
  senders TEXT NOT NULL DEFAULT '',                               -- addresses, likewise; none: all that the account may
  used_ms INTEGER,
  used_from TEXT NOT NULL DEFAULT '',
  UNIQUE (account, name)
) STRICT;
CREATE INDEX device_of_customer ON device (customer);
CREATE TRIGGER device_changed
AFTER UPDATE OF account, customer, secret, expires_ms, networks, senders ON device BEGIN
  INSERT INTO change (account) VALUES (OLD.account);
END;
CREATE TRIGGER device_removed AFTER DELETE ON device BEGIN
  INSERT INTO change (account) VALUES (OLD.account);
END;
CREATE TRIGGER account_removed_with_devices AFTER DELETE ON account BEGIN
  DELETE FROM device WHERE account = OLD.name;
END;
CREATE TRIGGER account_renamed_with_devices AFTER UPDATE OF name, customer ON account BEGIN
  UPDATE device SET account = NEW.name, customer = NEW.customer WHERE account = OLD.name;
END;
)sql"),
    Sql(R"sql(
-- Of a mailbox that another back end has: whether it is still there.
ALTER TABLE device ADD COLUMN asked_ms INTEGER NOT NULL DEFAULT 0;  -- when it was last asked; 0: never
ALTER TABLE device ADD COLUMN gone_ms INTEGER NOT NULL DEFAULT 0;   -- when it first had no such name; 0: it has
ALTER TABLE device ADD COLUMN dead TEXT NOT NULL DEFAULT '';        -- why the password is worth nothing; '': it is not
CREATE INDEX device_asked ON device (asked_ms);
CREATE TRIGGER device_died AFTER UPDATE OF dead ON device BEGIN
  INSERT INTO change (account) VALUES (OLD.account);
END;
)sql"),
};

std::string because(int error) { return std::strerror(error); }

// What SQLite said, with the file's name.
std::unexpected<StoreError> about(const std::string& path, const StoreError& error) {
  return store_error(error.kind, absl::StrCat("account store ", path, ": ", error.what));
}

StoreResult<> make_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file < 0) {
    // Another process may have made it at the same moment: as good.
    if (errno == EEXIST) return StoreResult<>();
    return store_error(StoreError::Kind::refused,
                       absl::StrCat("account store ", path, " cannot be made: ", because(errno),
                                    "; its directory must exist and be writable"));
  }
  StoreResult<> made = StoreResult<>();
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  struct stat above{};
  // Made by root for the relay, which does not run as root.
  if (::geteuid() == 0 && ::stat(directory.c_str(), &above) == 0 && ::fchown(file, above.st_uid, above.st_gid) != 0) {
    made = store_error(
        StoreError::Kind::refused,
        absl::StrCat("account store ", path, " cannot be given to its directory's owner: ", because(errno)));
  }
  ::close(file);
  return made;
}

StoreResult<> check_file(const std::string& path, IfMissing if_missing) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno != ENOENT) {
      return store_error(StoreError::Kind::refused, absl::StrCat("account store ", path, ": ", because(errno)));
    }
    if (if_missing == IfMissing::create) return make_file(path);
    return store_error(
        StoreError::Kind::not_found,
        absl::StrCat("account store ", path, " does not exist; make it with: sluicectl customer add NAME"));
  }
  if (!S_ISREG(found.st_mode)) {
    return store_error(
        StoreError::Kind::refused,
        absl::StrCat("account store ", path, " is not a plain file; name the file itself, not a link to it"));
  }
  if ((found.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return store_error(
        StoreError::Kind::refused,
        absl::StrCat("account store ", path,
                     " holds password hashes and is open to other users; close it with: chmod 600 ", path));
  }
  return StoreResult<>();
}

StoreResult<std::int64_t> number_from(Database& database, Sql sql) {
  std::int64_t number = 0;
  StoreResult<> asked = database.query(sql, {}, [&number](const Row& row) { number = row.integer(0); });
  if (!asked) return std::unexpected(asked.error());
  return number;
}

// Whether the file is ours to bring up to date, and from which version.
StoreResult<std::int64_t> version_of(Database& database) {
  const auto version = number_from(database, "PRAGMA user_version");
  if (!version) return std::unexpected(version.error());
  const auto application = number_from(database, "PRAGMA application_id");
  if (!application) return std::unexpected(application.error());
  const auto tables = number_from(database, "SELECT count(*) FROM sqlite_schema");
  if (!tables) return std::unexpected(tables.error());
  if (*application != kApplicationId && (*version != 0 || *tables != 0)) {
    return store_error(StoreError::Kind::damaged, "is a database of another program");
  }
  if (*version > kStoreVersion) {
    return store_error(StoreError::Kind::refused,
                       absl::StrCat("is of version ", *version, ", and this program knows up to ", kStoreVersion,
                                    "; use the newer program"));
  }
  return version;
}

StoreResult<> migrate(Database& database) {
  auto version = version_of(database);
  if (!version || *version == kStoreVersion) return without_value(version);
  auto transaction = Transaction::to_write(database);
  if (!transaction) return std::unexpected(transaction.error());
  // Again, now that nobody else can be at it.
  version = version_of(database);
  if (!version || *version == kStoreVersion) return without_value(version);
  for (auto at = static_cast<std::size_t>(*version); at < kMigrations.size(); ++at) {
    if (StoreResult<> applied = database.script(kMigrations[at]); !applied) return std::unexpected(applied.error());
  }
  static_assert(kApplicationId == 1399616873 && kStoreVersion == 3, "the text below says the same");
  StoreResult<> marked = database.script("PRAGMA application_id = 1399616873; PRAGMA user_version = 3");
  if (!marked) return std::unexpected(marked.error());
  return (*transaction)->commit();
}

}  // namespace

StoreResult<std::unique_ptr<Database>> open_store_file(const std::string& path, IfMissing if_missing,
                                                       int busy_timeout_ms) {
  if (StoreResult<> fit = check_file(path, if_missing); !fit) return std::unexpected(fit.error());
  auto database = Database::open(path, busy_timeout_ms);
  if (!database) return about(path, database.error());
  // WAL: the relay reads on while sluicectl writes. FULL: what sluicectl reported as done survives
  // a power cut. Not before it is known to be ours.
  StoreResult<> ready = without_value(version_of(**database));
  if (ready) {
    ready = (*database)->script(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA "
        "cell_size_check = ON");
  }
  if (ready) ready = migrate(**database);
  if (!ready) return about(path, ready.error());
  return database;
}

StoreResult<> check_store_file(const std::string& path) {
  if (StoreResult<> fit = check_file(path, IfMissing::fail); !fit) return std::unexpected(fit.error());
  const auto database = Database::open(path, 0, Database::Access::glance);
  if (!database) return about(path, database.error());
  const auto version = version_of(**database);
  if (!version) return about(path, version.error());
  // An empty file is one that is still to be filled, or that lost what was in it.
  if (*version == 0) return about(path, {StoreError::Kind::damaged, "has no accounts in it"});
  return StoreResult<>();
}

StoreResult<std::unique_ptr<Database>> read_store_file(const std::string& path, int busy_timeout_ms) {
  if (StoreResult<> fit = check_store_file(path); !fit) return std::unexpected(fit.error());
  auto database = Database::open(path, busy_timeout_ms, Database::Access::read_only);
  if (!database) return about(path, database.error());
  return database;
}

StoreResult<> settle_journal(Database& database) {
  bool busy = false;
  StoreResult<> done =
      database.query("PRAGMA wal_checkpoint(TRUNCATE)", {}, [&busy](const Row& row) { busy = row.integer(0) != 0; });
  if (done && busy) return store_error(StoreError::Kind::unavailable, "another process is reading it");
  return done;
}

StoreStamp stamp_store_file(const std::string& path) {
  constexpr std::int64_t kNanosecondsInSecond = 1'000'000'000;
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) return {};
  return {.exists = true,
          .device = found.st_dev,
          .inode = found.st_ino,
          .modified_ns = found.st_mtim.tv_sec * kNanosecondsInSecond + found.st_mtim.tv_nsec,
          .bytes = found.st_size};
}

}  // namespace sluice::auth
