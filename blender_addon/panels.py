"""The tab "Likeness" of the 3D view's sidebar, and the entries in File > Import and Export."""

import bpy

from ..core.parametric.arkit import PRESETS, REGIONS, VISEMES, mirrored
from ..core.parametric.assembly import psi_name
from ..core.parametric.head import EXPRESSIONS
from . import body, expression, hair, heads, identity, labels, pose, views
from .jobs import JobOperator
from .properties import HAIR_SLIDERS, IDENTITY_SLIDERS, settings


class LikenessPanel:
    """Mixin: where the panels are."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Likeness"


class HeadPanel(LikenessPanel):
    """Mixin of panels that show one head."""

    bl_parent_id = "LIKENESS_PT_main"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return views.active_head(context) is not None


class BodyPanel(LikenessPanel):
    """Mixin of panels that show one body."""

    bl_parent_id = "LIKENESS_PT_main"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return views.active_body(context) is not None


class LIKENESS_PT_main(LikenessPanel, bpy.types.Panel):
    """Make a head or a body; the progress of what is being made."""

    bl_label = "Likeness"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        job = JobOperator.current
        if job is not None:
            layout.progress(factor=job.fraction, text=labels.stage(job.stage))
            layout.label(text="to cancel", icon="EVENT_ESC")
            return
        column = layout.column()
        column.scale_y = 1.4
        column.operator("likeness.head_from_photo", icon="IMAGE_DATA", text="Head from Photo...")
        row = layout.row(align=True)
        row.operator("likeness.head_from_scan", icon="POINTCLOUD_DATA", text="From Scan...")
        row.operator("likeness.random_head", icon="OUTLINER_OB_ARMATURE", text="Random...")
        thing = context.active_object
        if thing is not None and thing.type == "MESH" and heads.find(thing) is None:
            layout.operator("likeness.head_from_mesh", icon="MESH_DATA", text=f"Head from {thing.name}")
        head, figure = views.active_head(context), views.active_body(context)
        if head is None and figure is None:
            layout.label(text="or drop portraits of one person on the view", icon="INFO")
        layout.operator("likeness.add_body", icon="ARMATURE_DATA", text="Add Body...")
        if figure is not None:
            layout.label(text=figure.name, icon="ARMATURE_DATA")
        if head is not None:
            self._head(layout, context, head)

    def _head(self, layout: bpy.types.UILayout, context: bpy.types.Context, head: bpy.types.Object) -> None:
        layout.label(text=head.name, icon="OUTLINER_OB_ARMATURE")
        if hair.is_there(head):
            self._hair(layout.row(align=True), head)
        if heads.is_of_photo(head):
            row = layout.row(align=True)
            row.enabled = context.mode in ("OBJECT", "POSE")
            row.prop(head.likeness_sliders, "look", expand=True)
            layout.operator("likeness.retexture", icon="TEXTURE", text="Retexture...")

    def _hair(self, row: bpy.types.UILayout, head: bpy.types.Object) -> None:
        shown = hair.is_shown(head)
        row.prop(head.likeness_sliders, "show_hair", text="Hair", icon="HIDE_OFF" if shown else "HIDE_ON")
        color = row.row(align=True)
        color.enabled = shown
        color.prop(head.likeness_sliders, "hair_color", text="")


class LIKENESS_PT_identity(HeadPanel, bpy.types.Panel):
    """Whose head it is."""

    bl_label = "Identity"

    def draw(self, context: bpy.types.Context) -> None:
        head = views.active_head(context)
        row = self.layout.row(align=True)
        row.operator("likeness.randomise_identity", icon="FILE_REFRESH", text="Random")
        row.operator("likeness.reset_identity", icon="LOOP_BACK", text="Reset")
        self.layout.operator("likeness.mix_heads", icon="ARROW_LEFTRIGHT", text="Mix Heads...")
        column = self.layout.column(align=True)
        for component in range(IDENTITY_SLIDERS):
            column.prop(head.likeness_sliders.identity, f"beta_{component:03d}", slider=True)


class LIKENESS_PT_surface(HeadPanel, bpy.types.Panel):
    """What an implicit head has besides: hair in its code, and a surface that is extracted."""

    bl_label = "Implicit Surface"
    bl_parent_id = "LIKENESS_PT_identity"
    bl_options: set[str] = set()

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        head = views.active_head(context)
        return head is not None and identity.is_implicit(head)

    def draw(self, context: bpy.types.Context) -> None:
        head = views.active_head(context)
        self.layout.operator("likeness.update_surface", icon="FILE_REFRESH")
        if not identity.has_hair(head):
            self.layout.label(text="Hair is the photo's" if hair.is_there(head) else "Bald", icon="INFO")
            return
        if identity.is_ahead(head):
            self.layout.label(text="Sliders are ahead of the surface", icon="INFO")
        column = self.layout.column(align=True)
        for component in range(HAIR_SLIDERS):
            column.prop(head.likeness_sliders.hair, f"hair_{component:02d}", slider=True)


class LIKENESS_MT_presets(bpy.types.Menu):
    """Ready-made expressions."""

    bl_label = "Presets"

    def draw(self, _context: bpy.types.Context) -> None:
        for group in (PRESETS, VISEMES):
            for name in group:
                self.layout.operator("likeness.apply_preset", text=labels.preset(name)).preset = name
            self.layout.separator()


class LIKENESS_PT_expression(HeadPanel, bpy.types.Panel):
    """ARKit's 52 blendshapes by region."""

    bl_label = "Expression"
    bl_options: set[str] = set()

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return views.active_face(context) is not None

    def draw(self, context: bpy.types.Context) -> None:
        layout, options = self.layout, settings(context)
        row = layout.row(align=True)
        row.menu("LIKENESS_MT_presets", icon="PRESET")
        row.operator("likeness.key_expression", icon="KEY_HLT", text="")
        row.operator("likeness.reset_expression", icon="LOOP_BACK", text="")
        row = layout.row(align=True)
        row.prop(options, "search", icon="VIEWZOOM", text="")
        row.prop(options, "mirror", icon="MOD_MIRROR", text="")
        found = {region: [n for n in names if labels.matches(n, options.search)] for region, names in REGIONS.items()}
        for region, names in found.items():
            if names and options.search:
                self._sliders(layout.column(align=True), context, names)
            elif names:
                header, body = layout.panel(f"LIKENESS_expression_{region}", default_closed=region != "Eyes")
                header.label(text=region)
                header.operator("likeness.reset_expression", icon="LOOP_BACK", text="", emboss=False).region = region
                if body:
                    self._sliders(body.column(align=True), context, names)
        if not any(found.values()):
            layout.label(text="No slider of that name", icon="INFO")

    def _sliders(self, column: bpy.types.UILayout, context: bpy.types.Context, names: list[str]) -> None:
        """A row a blendshape, or a row a pair: one slider for both sides when they are mirrored."""
        head = views.active_face(context)
        keys = heads.keys(head)
        for name in dict.fromkeys(min(name, mirrored(name)) for name in names):  # the left one of a pair
            split = column.split(factor=0.4, align=True)
            split.label(text=labels.blendshape(name))
            sides = split.row(align=True)
            if mirrored(name) == name:
                sides.prop(keys[name], "value", text="", slider=True)
            elif expression.has_twin(name) and settings(context).mirror:
                sides.prop(head.likeness_sliders.twins, name, text="", slider=True)
            else:
                sides.prop(keys[name], "value", text="L", slider=True)
                sides.prop(keys[mirrored(name)], "value", text="R", slider=True)


class LIKENESS_PT_flame(HeadPanel, bpy.types.Panel):
    """FLAME's jaw, eyes and expression components."""

    bl_label = "FLAME"

    def draw(self, context: bpy.types.Context) -> None:
        head = views.active_head(context)
        column = self.layout.column(align=True)
        for channel in pose.CHANNELS:
            column.prop(head.likeness_sliders.pose, channel, slider=True)
        header, body = self.layout.panel("LIKENESS_flame_psi", default_closed=True)
        header.label(text="Expression Components")
        if not body:
            return
        keys = heads.keys(head)
        if psi_name(0) not in keys:
            body.operator("likeness.add_flame_keys", icon="SHAPEKEY_DATA")
            return
        column = body.column(align=True)
        for component in range(EXPRESSIONS):
            column.prop(keys[psi_name(component)], "value", text=f"psi {component + 1}", slider=True)


class LIKENESS_PT_animation(HeadPanel, bpy.types.Panel):
    """Motion for the head."""

    bl_label = "Animation"

    def draw(self, _context: bpy.types.Context) -> None:
        column = self.layout.column()
        column.operator("likeness.preview_animation", icon="PLAY")
        column.operator("likeness.transfer_expression", icon="COPYDOWN")
        column = self.layout.column(align=True)
        column.operator("likeness.import_arkit", icon="IMPORT", text="ARKit / Live Link CSV...")
        column.operator("likeness.import_flame", icon="IMPORT", text="FLAME Sequence...")


class LIKENESS_PT_export(HeadPanel, bpy.types.Panel):
    """The way out of Blender."""

    bl_label = "Export"

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.column(align=True).operator_enum("likeness.export_head", "preset")
        if heads.metadata(views.active_head(context))["topology"] == "quads":
            self.layout.operator("likeness.add_levels", icon="MOD_DECIM")


class LIKENESS_PT_body_shape(BodyPanel, bpy.types.Panel):
    """Whose body it is, and what it wears."""

    bl_label = "Shape"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return super().poll(context) and body.is_of_seed(views.active_body(context))

    def draw(self, context: bpy.types.Context) -> None:
        rig, layout = views.active_body(context), self.layout
        wanted = rig.likeness_sliders.body
        for code, name in body.SEEDS.items():
            row = layout.row(align=True)
            row.prop(wanted, name)
            row.operator("likeness.resample_body", icon="FILE_REFRESH", text="").code = code
        column = layout.column(align=True)
        for name in body.LABELS:
            row = column.row(align=True)
            row.prop(wanted, name, slider=True)
            if body.is_chosen(rig, name):
                row.operator("likeness.release_slider", icon="X", text="").slider = name
        row = layout.row()
        row.scale_y = 1.2
        row.active_default = body.is_ahead(rig)
        row.operator("likeness.update_body", icon="FILE_REFRESH")


class LIKENESS_PT_body_head(BodyPanel, bpy.types.Panel):
    """Another head on the body."""

    bl_label = "Head"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return super().poll(context) and views.active_face(context) is None

    def draw(self, context: bpy.types.Context) -> None:
        column = self.layout.column(align=True)
        if views.scene_heads(context):
            column.operator_menu_enum("likeness.attach_head", "head", icon="USER")
        column.operator("likeness.attach_head", icon="IMAGE_DATA", text="Attach Head from File...")


class LIKENESS_PT_body_motion(BodyPanel, bpy.types.Panel):
    """Motion for the body."""

    bl_label = "Motion"

    def draw(self, _context: bpy.types.Context) -> None:
        self.layout.operator("likeness.import_motion", icon="IMPORT", text="Import Motion...")


class LIKENESS_PT_body_export(BodyPanel, bpy.types.Panel):
    """The way out of Blender."""

    bl_label = "Export"

    def draw(self, _context: bpy.types.Context) -> None:
        self.layout.column(align=True).operator_enum("likeness.export_body", "preset")


def draw_import_menu(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    self.layout.operator("likeness.head_from_photo", text="Photo as Likeness Head (.jpg/.png/...)")
    self.layout.operator("likeness.head_from_scan", text="Scan as Likeness Head (.ply/.obj/.stl/.glb)")


def draw_export_menu(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    self.layout.operator_menu_enum("likeness.export_head", "preset", text="Likeness Head")
    self.layout.operator_menu_enum("likeness.export_body", "preset", text="Likeness Body")


CLASSES = (
    LIKENESS_PT_main,
    LIKENESS_PT_identity,
    LIKENESS_PT_surface,
    LIKENESS_MT_presets,
    LIKENESS_PT_expression,
    LIKENESS_PT_flame,
    LIKENESS_PT_animation,
    LIKENESS_PT_export,
    LIKENESS_PT_body_shape,
    LIKENESS_PT_body_head,
    LIKENESS_PT_body_motion,
    LIKENESS_PT_body_export,
)
