//! A small fixed production: projects, assets, sequences, shots, scenes, and who has a task on them.

use common::StartError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::people::{Person, Role};

/// The demo accounts, which the production knows by their names.
pub const ADMIN_ID: &str = "99999999-0000-4000-8000-000000000001";
pub const ARTIST_ID: &str = "99999999-0000-4000-8000-000000000002";

#[derive(Debug, Deserialize)]
pub struct Production {
    projects: Vec<Project>,
    asset_types: Vec<Named>,
    task_types: Vec<Named>,
    entities: Vec<Entity>,
    tasks: Vec<Task>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Project {
    id: String,
    name: String,
    /// The ids of those who work on it.
    team: Vec<String>,
}

/// A type of assets or of tasks.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Named {
    id: String,
    name: String,
    r#type: String,
}

/// An asset, sequence, shot or scene.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Entity {
    id: String,
    name: String,
    r#type: EntityType,
    project_id: String,
    /// Of an asset.
    entity_type_id: Option<String>,
    /// The sequence of a shot or scene.
    parent_id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum EntityType {
    Asset,
    Sequence,
    Shot,
    Scene,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Task {
    id: String,
    name: String,
    r#type: String,
    project_id: String,
    entity_id: String,
    task_type_id: String,
    assignees: Vec<String>,
}

/// What somebody is assigned to.
pub struct Assignments<'a> {
    production: &'a Production,
    tasks: Vec<&'a Task>,
}

impl Production {
    /// # Errors
    /// If the file in the program is not as it must be.
    pub fn demo() -> Result<Self, StartError> {
        let mut demo: Self = serde_json::from_str(include_str!("production.json"))?;
        let teams = demo.projects.iter_mut().map(|project| &mut project.team);
        let assignees = demo.tasks.iter_mut().map(|task| &mut task.assignees);
        for name in teams.chain(assignees).flatten() {
            *name = match &**name {
                "admin" => ADMIN_ID.to_owned(),
                _ => ARTIST_ID.to_owned(),
            };
        }
        Ok(demo)
    }

    /// The projects that somebody works on: all of them, for an administrator.
    pub fn projects(&self, person: &Person) -> Vec<Project> {
        let is_open =
            |project: &&Project| person.role == Role::Admin || project.team.contains(&person.id);
        self.projects.iter().filter(is_open).cloned().collect()
    }

    pub fn assignments(&self, person: &Person) -> Assignments<'_> {
        let tasks = self.tasks.iter();
        Assignments {
            production: self,
            tasks: tasks
                .filter(|task| task.assignees.contains(&person.id))
                .collect(),
        }
    }
}

/// `None` is what there is no such thing of.
impl Assignments<'_> {
    pub fn asset_types(&self, project: &str) -> Option<Vec<Named>> {
        let assets = self.of_project(project, EntityType::Asset)?;
        let is_of_one = |kind: &&Named| {
            let mut assets = assets.iter();
            assets.any(|asset| asset.entity_type_id.as_ref() == Some(&kind.id))
        };
        let all = self.production.asset_types.iter();
        Some(all.filter(is_of_one).cloned().collect())
    }

    pub fn assets(&self, project: &str, asset_type: &str) -> Option<Vec<Entity>> {
        let mut types = self.production.asset_types.iter();
        types.find(|kind| kind.id == asset_type)?;
        let mut assets = self.of_project(project, EntityType::Asset)?;
        assets.retain(|asset| asset.entity_type_id.as_deref() == Some(asset_type));
        Some(assets)
    }

    /// The sequences that have a task, or a shot or scene with one.
    pub fn sequences(&self, project: &str) -> Option<Vec<Entity>> {
        let mut sequences = self.all_of_project(project, EntityType::Sequence)?;
        sequences.retain(|sequence| {
            let is_below = |entity: &&Entity| {
                entity.id == sequence.id || entity.parent_id.as_ref() == Some(&sequence.id)
            };
            let mut below = self.production.entities.iter().filter(is_below);
            below.any(|entity| self.has_task(entity))
        });
        Some(sequences)
    }

    /// The shots or the scenes of a sequence.
    pub fn parts(&self, sequence: &str, kind: EntityType) -> Option<Vec<Entity>> {
        self.entity(sequence, EntityType::Sequence)?;
        let is_part = |entity: &&Entity| {
            entity.r#type == kind
                && entity.parent_id.as_deref() == Some(sequence)
                && self.has_task(entity)
        };
        let all = self.production.entities.iter();
        Some(all.filter(is_part).cloned().collect())
    }

    pub fn tasks(&self, entity: &str, kind: EntityType) -> Option<Vec<Task>> {
        self.entity(entity, kind)?;
        let mine = self.tasks.iter().filter(|task| task.entity_id == entity);
        Some(mine.map(|task| (*task).clone()).collect())
    }

    pub fn task_types(&self, entity: &str, kind: EntityType) -> Option<Vec<Named>> {
        let tasks = self.tasks(entity, kind)?;
        let is_of_one = |kind: &&Named| tasks.iter().any(|task| task.task_type_id == kind.id);
        let all = self.production.task_types.iter();
        Some(all.filter(is_of_one).cloned().collect())
    }

    fn of_project(&self, project: &str, kind: EntityType) -> Option<Vec<Entity>> {
        let mut entities = self.all_of_project(project, kind)?;
        entities.retain(|entity| self.has_task(entity));
        Some(entities)
    }

    fn all_of_project(&self, project: &str, kind: EntityType) -> Option<Vec<Entity>> {
        let mut projects = self.production.projects.iter();
        projects.find(|known| known.id == project)?;
        let is_one = |entity: &&Entity| entity.project_id == project && entity.r#type == kind;
        let all = self.production.entities.iter();
        Some(all.filter(is_one).cloned().collect())
    }

    fn entity(&self, id: &str, kind: EntityType) -> Option<&Entity> {
        let mut all = self.production.entities.iter();
        all.find(|entity| entity.id == id && entity.r#type == kind)
    }

    fn has_task(&self, entity: &Entity) -> bool {
        self.tasks.iter().any(|task| task.entity_id == entity.id)
    }
}
