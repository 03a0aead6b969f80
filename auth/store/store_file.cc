#include "auth/store/store_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "auth/store/sqlite_database.h"
#include "auth/store/store_schema.h"

namespace sluice::auth {
namespace {

// Marks the file as ours ("Slui"), so that some other program's database is not written to.
constexpr std::int64_t kApplicationId = 0x536C7569;

int milliseconds_of(Duration wait) {
  return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(wait).count());
}

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

// Whether the file is ours to bring up to date, and from which version.
StoreResult<std::int64_t> file_version(Database& database) {
  const auto version = database.number("PRAGMA user_version");
  if (!version) return std::unexpected(version.error());
  const auto application = database.number("PRAGMA application_id");
  if (!application) return std::unexpected(application.error());
  const auto tables = database.number("SELECT count(*) FROM sqlite_schema");
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
  auto version = file_version(database);
  if (!version || *version == kStoreVersion) return without_value(version);
  auto transaction = Transaction::to_write(database);
  if (!transaction) return std::unexpected(transaction.error());
  // Again, now that no other process can change it.
  version = file_version(database);
  if (!version || *version == kStoreVersion) return without_value(version);
  for (auto at = static_cast<std::size_t>(*version); at < kStoreMigrations.size(); ++at) {
    if (StoreResult<> applied = database.script(kStoreMigrations[at]); !applied)
      return std::unexpected(applied.error());
  }
  static_assert(kApplicationId == 1399616873 && kStoreVersion == 13, "the text below says the same");
  StoreResult<> marked = database.script("PRAGMA application_id = 1399616873; PRAGMA user_version = 13");
  if (!marked) return std::unexpected(marked.error());
  return (*transaction)->commit();
}

}  // namespace

StoreResult<std::unique_ptr<Database>> open_store_file(const std::string& path, IfMissing if_missing,
                                                       const StoreWaits& waits) {
  if (StoreResult<> fit = check_file(path, if_missing); !fit) return std::unexpected(fit.error());
  auto database = open_sqlite(path, milliseconds_of(waits.lock));
  if (!database) return about(path, database.error());
  // WAL: the relay reads on while sluicectl writes. FULL: what sluicectl reported as done survives
  // a power cut. Not before it is known to be ours.
  StoreResult<> ready = without_value(file_version(**database));
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
  const auto database = open_sqlite(path, 0, SqliteAccess::glance);
  if (!database) return about(path, database.error());
  const auto version = file_version(**database);
  if (!version) return about(path, version.error());
  // An empty file is one that is still to be filled, or that lost what was in it.
  if (*version == 0) return about(path, {StoreError::Kind::damaged, "has no accounts in it"});
  return StoreResult<>();
}

StoreResult<std::unique_ptr<Database>> read_store_file(const std::string& path, const StoreWaits& waits) {
  if (StoreResult<> fit = check_store_file(path); !fit) return std::unexpected(fit.error());
  auto database = open_sqlite(path, milliseconds_of(waits.lock), SqliteAccess::read_only);
  if (!database) return about(path, database.error());
  return database;
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
