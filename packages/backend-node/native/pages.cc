// Gives back the pages of TensorFlow's libraries that are in memory only because it was loaded: tables for
// the linker, code that registers thousands of operations. They are 240 MB, of which a training step needs
// a quarter. The file keeps them; what is needed again is read from there.
#ifdef __linux__
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

namespace {

// Whether the linker wrote into the library's code, as no common compiler wants it to.
bool has_patched_code(const dl_phdr_info& library) {
  for (int i = 0; i < library.dlpi_phnum; i++) {
    if (library.dlpi_phdr[i].p_type != PT_DYNAMIC) continue;
    const uintptr_t start = library.dlpi_addr + library.dlpi_phdr[i].p_vaddr;
    for (auto* entry = reinterpret_cast<const ElfW(Dyn)*>(start); entry->d_tag != DT_NULL; entry++) {
      if (entry->d_tag == DT_TEXTREL) return true;
      if (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL)) return true;
    }
  }
  return false;
}

int give_back(dl_phdr_info* library, size_t, void*) {
  if (std::strstr(library->dlpi_name, "libtensorflow") == nullptr) return 0;
  if (has_patched_code(*library)) return 0;
  const uintptr_t page = sysconf(_SC_PAGESIZE);
  for (int i = 0; i < library->dlpi_phnum; i++) {
    const auto& segment = library->dlpi_phdr[i];
    // What is written would be lost.
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W)) continue;
    const uintptr_t start = library->dlpi_addr + segment.p_vaddr;
    const uintptr_t from = (start + page - 1) / page * page;
    const uintptr_t to = (start + segment.p_memsz) / page * page;
    if (from < to) madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);
  }
  return 0;
}

}  // namespace

void give_back_pages() { dl_iterate_phdr(give_back, nullptr); }
#else
void give_back_pages() {}
#endif
