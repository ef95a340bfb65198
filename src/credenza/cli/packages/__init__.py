"""`credenza package`: sets of connectors in files, published in versions, and installed.

files      a package on disk: one file, or a folder with a file for each member
example    what `init` writes
naming     which package or install a word means
variables  what an installer gives, and asking for what is secret
agreeing   a plan that is shown, agreed to and done
telling    plans and packages as tables and sentences
drafting   init, validate, publish
installing install, upgrade, rollback, uninstall
looking    list, installs, show, diff
sharing    visibility, grant
group      all of them
"""
