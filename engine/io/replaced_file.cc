#include "engine/io/replaced_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "engine/io/descriptor.h"
#include "engine/io/files.h"
#include "engine/io/write_all.h"

namespace sluice::io {
namespace {

std::expected<void, std::string> write_draft(const std::string& draft, std::string_view bytes, unsigned mode) {
  const Descriptor fd(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (fd.get() < 0) return file_fault(draft, "cannot create");
  if (!io::write_all(fd.get(), bytes)) return file_fault(draft, "cannot write");
  // Whatever the umask.
  if (::fchmod(fd.get(), mode) != 0) return file_fault(draft, "cannot set its mode");
  if (::fsync(fd.get()) != 0) return file_fault(draft, "cannot sync");
  return {};
}

}  // namespace

std::expected<void, std::string> replace_file(const std::string& path, std::string_view bytes) {
  constexpr unsigned kNewMode = 0644;
  const std::string draft = path + ".draft";
  if (::unlink(draft.c_str()) != 0 && errno != ENOENT) return file_fault(draft, "cannot remove");
  auto done = write_draft(draft, bytes, file_mode(path).value_or(kNewMode));
  if (done && ::rename(draft.c_str(), path.c_str()) != 0) done = file_fault(path, "cannot replace");
  if (!done) ::unlink(draft.c_str());
  return done;
}

}  // namespace sluice::io
