{
  'targets': [
    {
      'target_name': 'shmq',
      'sources': ["<!@(node build.js --sources)"],
      'include_dirs': ['libshmq/include'],
      'defines': ['_GNU_SOURCE'],
      'cflags': ['-pthread', '-fvisibility=hidden', '-O2'],
      'cflags_c': ['-std=c11', '-Wall', '-Wextra', '-Wno-unused-parameter'],
      'ldflags': ['-pthread', '-Wl,-z,nodelete', '-Wl,--version-script=<(module_root_dir)/src/addon.map'],
    },
  ],
}
