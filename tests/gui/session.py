"""What a user does in a Blender with a window; run inside it by `test_gui.py`.

Arguments after `--`: which of `SESSIONS`, the extension's zip, the photo, the engine's Python, a folder with numpy for
a Blender that comes without (Debian's). Steps run from timers, because Blender draws between
them alone; a step that returns False is tried again.
"""

import json
import os
import subprocess
import sys
import time
import traceback
from pathlib import Path

import bpy

SESSION, ZIP, PHOTO, INTERPRETER, NUMPY = sys.argv[sys.argv.index("--") + 1 :]
PACKAGE = "bl_ext.user_default.likeness"
TAB = "Likeness"
HEAD_FROM_PHOTO, FIRST_SLIDER = 44, 347
"""Where they are: pixels below the sidebar's top."""
OUT = Path(os.environ["LIKENESS_GUI_OUT"])
seen: dict[str, object] = {}


def install():
    sys.path += [NUMPY, str(Path(__file__).parents[1] / "blender_addon")]
    bpy.ops.extensions.package_install_files(filepath=ZIP, repo="user_default", enable_on_install=True)
    bpy.context.preferences.addons[PACKAGE].preferences.interpreter = INTERPRETER
    bpy.context.preferences.view.filebrowser_display_type = "SCREEN"
    bpy.context.preferences.inputs.use_mouse_continuous = False  # the pointer would be caught where it cannot be
    bpy.data.objects.remove(bpy.data.objects["Cube"])


def view3d():
    window = bpy.context.window_manager.windows[0]
    area = max((a for a in window.screen.areas if a.type == "VIEW_3D"), key=lambda a: a.width * a.height)
    return window, area, next(r for r in area.regions if r.type == "UI")


def show_sidebar():
    view3d()[1].spaces.active.show_region_ui = True


def select_tab():
    _, area, sidebar = view3d()
    area.tag_redraw()
    try:
        sidebar.active_panel_category = TAB
    except (AttributeError, TypeError):  # read-only until the sidebar has been drawn with this tab
        return False
    return True


def xdotool(*words):
    subprocess.run(["xdotool", *map(str, words)], check=True)


def sidebar_point(down, across=0.5):
    """A point of the sidebar on the screen: pixels below its top, share of its width."""
    window, _, sidebar = view3d()
    return int(sidebar.x + across * (sidebar.width - 24)), int(window.height - (sidebar.y + sidebar.height) + down)


def press_head_from_photo():
    xdotool("mousemove", *sidebar_point(HEAD_FROM_PHOTO), "click", "1")


def choose_photo():
    """Return in the file browser, which takes the place of the whole window."""
    window = bpy.context.window_manager.windows[0]
    area = next((a for a in window.screen.areas if a.type == "FILE_BROWSER"), None)
    if area is None or area.spaces.active.params is None:
        return False
    params = area.spaces.active.params
    params.directory, params.filename = str(Path(PHOTO).parent).encode(), Path(PHOTO).name
    xdotool("mousemove", window.width // 2, window.height // 2, "key", "Return")
    seen["started"] = time.monotonic()
    return True


def head():
    return next((thing for thing in bpy.data.objects if thing.type == "ARMATURE"), None)


def keys():
    return next(child for child in head().children if child.type == "MESH").data.shape_keys.key_blocks


def wait_for_head():
    if head() is None:
        return False
    seen["seconds"] = round(time.monotonic() - seen["started"], 1)
    seen["active"] = bpy.context.view_layer.objects.active.parent.name
    return True


def job():
    return sys.modules[f"{PACKAGE}.blender_addon.jobs"].JobOperator.current


def start_job():
    window, area, _ = view3d()
    with bpy.context.temp_override(window=window, area=area, region=area.regions[-1]):
        bpy.ops.likeness.head_from_photo("INVOKE_DEFAULT", filepath=PHOTO)


def wait_for_job():
    return job() is not None


def wait_for_progress():
    return job().fraction > 0


def screenshot(name):
    def step():
        subprocess.run(["import", "-window", "root", str(OUT / f"{name}.png")], check=True)

    return step


def press_escape():
    window = view3d()[0]
    xdotool("mousemove", window.width // 3, window.height // 2, "key", "Escape")


def wait_for_end():
    return job() is None


def search(words):
    def step():
        bpy.context.window_manager.likeness.search = words
        view3d()[1].tag_redraw()

    return step


def point_at_first_slider():
    xdotool("mousemove", *sidebar_point(FIRST_SLIDER, 0.6))


def hold():
    xdotool("mousedown", "1")


def pull():
    xdotool("mousemove_relative", "--", 15, 0)


def let_go():
    xdotool("mouseup", "1")


def width():
    """Of the neutral head, metres."""
    xs = [point.co.x for point in keys()["Basis"].data]
    return round(max(xs) - min(xs), 5)


def change_identity():
    seen["width"] = width()
    head().likeness_sliders.identity.beta_000 = 3.0


def wait_for_identity():
    return width() != seen["width"]


def note(name, read):
    def step():
        seen[name] = read()

    return step


def keys_set():
    return {key.name: round(key.value, 3) for key in keys() if abs(key.value) > 1e-6}


def operate(operator):
    def step():
        window, area, _ = view3d()
        region = next(r for r in area.regions if r.type == "WINDOW")
        with bpy.context.temp_override(window=window, area=area, region=region):
            operator()

    return step


def ask_for_random_head():
    view3d()[0].cursor_warp(600, 500)
    operate(lambda: bpy.ops.likeness.random_head("INVOKE_DEFAULT", seed=7, model="triplane", resolution=64))()


def press_return():
    xdotool("key", "Return")


def wait_for_second_head():
    return len(names_of_heads()) == 2


def names_of_heads():
    return sorted(thing.name for thing in bpy.data.objects if thing.type == "ARMATURE")


def finish(verdict="ok"):
    (OUT / "seen.json").write_text(json.dumps(seen))
    Path(os.environ["LIKENESS_GUI_DONE"]).write_text(verdict)


def ask_for_body():
    view3d()[0].cursor_warp(600, 500)
    chosen = {"chosen": {"sex", "age"}, "sex": 0.0, "age": 30.0}
    operate(lambda: bpy.ops.likeness.add_body("INVOKE_DEFAULT", seed=4, **chosen))()


def wait_for_body():
    return wait_for_end() and head() is not None


def height():
    """Of the body without what it wears, metres."""
    from meshes import bare_height  # here, for it needs numpy, which `install` brings

    return round(bare_height(head(), PACKAGE), 3)


def ask_for_height():
    head().likeness_sliders.body.height = 1.9
    view3d()[1].tag_redraw()


def play_motion():
    bpy.ops.likeness.import_motion(filepath=str(Path(PHOTO).with_name("walk.npz")))


def motion():
    return head().animation_data and head().animation_data.action and head().animation_data.action.name


BEGIN = [install, show_sidebar, select_tab]
HEAD_STEPS = [
    *BEGIN,
    start_job,
    wait_for_progress,
    screenshot("progress"),
    press_escape,
    wait_for_end,
    note("after_escape", lambda: [thing.type for thing in bpy.data.objects]),
    press_head_from_photo,
    choose_photo,
    wait_for_head,
    select_tab,
    search("smile"),
    point_at_first_slider,
    hold,
    pull,
    pull,
    pull,
    let_go,
    note("dragged", keys_set),
    screenshot("dragged"),
    operate(bpy.ops.ed.undo),
    note("undone", keys_set),
    operate(bpy.ops.ed.redo),
    note("redone", keys_set),
    search(""),
    change_identity,
    wait_for_identity,
    operate(bpy.ops.ed.undo),
    note("identity_undone", lambda: width() == seen["width"]),
    operate(lambda: bpy.ops.likeness.apply_preset(preset="Smile")),
    ask_for_random_head,
    screenshot("dialog"),
    press_return,
    wait_for_second_head,
    note("heads", names_of_heads),
    finish,
]
BODY_STEPS = [
    *BEGIN,
    ask_for_body,
    screenshot("dialog"),
    press_return,
    wait_for_job,
    press_escape,
    wait_for_end,
    note("after_escape", names_of_heads),
    ask_for_body,
    press_return,
    wait_for_body,
    note("bodies", names_of_heads),
    note("height", height),
    select_tab,
    ask_for_height,
    screenshot("ahead"),
    operate(lambda: bpy.ops.likeness.update_body("INVOKE_DEFAULT")),
    wait_for_end,
    note("updated", height),
    operate(bpy.ops.ed.undo),
    note("update_undone", height),
    operate(bpy.ops.ed.redo),
    operate(play_motion),
    note("motion", motion),
    operate(lambda: bpy.context.scene.frame_set(20)),
    screenshot("body"),
    finish,
]
SESSIONS = {"heads": HEAD_STEPS, "bodies": BODY_STEPS}


def run(steps, seconds=0.7):
    steps = list(steps)

    def tick():
        try:
            if steps[0]() in (None, True):
                steps.pop(0)
        except Exception:
            finish("fail: " + traceback.format_exc().strip().replace("\n", " | "))
            return None
        return seconds if steps else None

    bpy.app.timers.register(tick, first_interval=seconds)


run(SESSIONS[SESSION])
